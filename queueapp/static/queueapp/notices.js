// @ts-check
/** The page of notices: what this browser tells of. */

import { part, setText } from "./dom.js";
import { gettext } from "./i18n.js";
import { choose, chosen, isBlocked } from "./permission.js";

const WORDS = { all: gettext("on"), failed: gettext("on, failures only"), no: gettext("off") };

const form = /** @type {HTMLFormElement} */ (part("browser-form"));
const select = /** @type {HTMLSelectElement} */ (form.querySelector("select"));

function show() {
  const choice = chosen();
  select.value = choice;
  form.hidden = isBlocked();
  part("browser-blocked").hidden = !isBlocked();
  part("browser-manual").hidden = true;
  setText(part("browser-state"), WORDS[isBlocked() ? "no" : choice]);
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const wanted = /** @type {import("./permission.js").Choice} */ (select.value);
  await choose(wanted);
  show();
  setText(part("browser-said"), chosen() === wanted ? gettext("Saved.") : gettext("The browser did not allow it."));
});

show();
