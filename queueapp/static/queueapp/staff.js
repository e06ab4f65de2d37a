// @ts-check
/**
 * The console, kept as it is now: while the tab is visible, its own address is asked for again, and each part that has
 * changed is replaced. A part in which the reader is at work is left alone.
 */

import { part, setText } from "./dom.js";
import { gettext } from "./i18n.js";
import { localizeTimes } from "./times.js";

const EVERY = 2_000;
const TRY_AGAIN = 5_000;

/** The parts as the server sent them last, by their names. @type {Map<string, string>} */
const sent = new Map();

/** @param {ParentNode} page @returns {Map<string, Element>} */
function parts(page) {
  const found = new Map();
  for (const one of page.querySelectorAll("[data-live]")) found.set(one.getAttribute("data-live"), one);
  return found;
}

/** Whether the reader is at work in this part. @param {Element} one */
function isInUse(one) {
  const selection = getSelection();
  const selected = selection && !selection.isCollapsed && selection.containsNode(one, true);
  return selected || one.contains(document.activeElement) || one.querySelector("details[open]") !== null;
}

/** @param {string} text */
function show(text) {
  const here = parts(document);
  for (const [name, fresh] of parts(new DOMParser().parseFromString(text, "text/html"))) {
    const old = here.get(name);
    if (!old || sent.get(name) === fresh.innerHTML || isInUse(old)) continue;
    sent.set(name, fresh.innerHTML);
    old.replaceChildren(...[...fresh.childNodes].map((node) => document.importNode(node, true)));
    localizeTimes(old);
  }
}

/** @param {string} state */
function tell(state) {
  const connection = part("connection")?.parentElement;
  if (connection) connection.dataset.state = state;
}

async function refresh() {
  const answer = await fetch(location.href, { credentials: "same-origin", redirect: "manual" });
  if (answer.ok) {
    show(await answer.text());
    tell("live");
    return EVERY;
  }
  // Logged out, or no longer allowed: the page says so if it is loaded anew.
  if (answer.type === "opaqueredirect" || answer.status === 403) {
    tell("ended");
    setText(part("connection"), gettext("Ended: load the page again"));
    return 0;
  }
  throw new Error(`answered with ${answer.status}`);
}

async function keepFresh() {
  let next = TRY_AGAIN;
  try {
    next = await refresh();
  } catch {
    tell("reconnecting");
  }
  if (next) setTimeout(whenVisible, next);
}

function whenVisible() {
  if (document.visibilityState === "visible") keepFresh();
  else document.addEventListener("visibilitychange", whenVisible, { once: true });
}

if (document.querySelector("[data-live]")) {
  for (const [name, one] of parts(document)) sent.set(name, one.innerHTML);
  setTimeout(whenVisible, EVERY);
}
