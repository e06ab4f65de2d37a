// @ts-check
/** The page of a shared job: read again while the job goes on, as it is for people without an account and a stream. */

import { part } from "./dom.js";
import { localizeTimes } from "./times.js";

const EVERY = 3000;
const AFTER_ERROR = 15000;

const main = /** @type {HTMLElement} */ (document.getElementById("main"));
/** The parts as the server has rendered them: the page has other texts, as its times are localized. */
const rendered = new Map();

/** @param {Document} page */
function show(page) {
  for (const old of document.querySelectorAll("[data-live]")) {
    const name = old.getAttribute("data-live");
    const fresh = page.querySelector(`[data-live="${name}"]`);
    if (!fresh || rendered.get(name) === fresh.outerHTML) continue;
    rendered.set(name, fresh.outerHTML);
    const next = document.adoptNode(fresh);
    localizeTimes(next);
    old.replaceWith(next);
  }
  document.title = page.title;
  main.toggleAttribute("data-ended", page.querySelector("main[data-ended]") !== null);
}

async function look() {
  let pause = EVERY;
  if (document.visibilityState === "visible") {
    const answer = await fetch(location.href, { credentials: "omit", cache: "no-store" }).catch(() => null);
    if (answer?.ok) show(new DOMParser().parseFromString(await answer.text(), "text/html"));
    else if (answer?.status === 404) part("over").hidden = false;
    else pause = AFTER_ERROR;
  }
  const goesOn = !main.hasAttribute("data-ended") && part("over").hidden;
  if (goesOn) setTimeout(look, pause);
}

if (!main.hasAttribute("data-ended")) look();
