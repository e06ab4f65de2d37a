// @ts-check
/**
 * Many jobs of the page of all jobs: chosen by tick, by range or by the search, then cancelled, retried or moved in
 * batches. The table is read again meanwhile: the server alone renders it. Without this script the form is sent whole.
 */

import { changeJobs, errorMessage, listJobs } from "./api.js";
import { atMostEvery, part, setText } from "./dom.js";
import { formatNumber } from "./format.js";
import { gettext } from "./i18n.js";
import { runPlan } from "./selection-run.js";
import * as reducers from "./selection-state.js";
import { chosenText, progressText, questionText, resultText } from "./selection-words.js";
import { localizeTimes } from "./times.js";

/** @typedef {import("./selection-state.js").Action} Action */

/** A screen reader hears of a selection once it has rested, and of progress no more often than this (ms). */
const REST = 800;
const TELL_EVERY = 10_000;
const READ_EVERY = 2000;

const form = /** @type {HTMLFormElement} */ (document.getElementById("selection"));
const buttons = /** @type {HTMLButtonElement[]} */ ([...form.querySelectorAll("button[data-states]")]);
const pageBox = /** @type {HTMLInputElement} */ (part("page", form));
const everyBox = /** @type {HTMLInputElement | null} */ (part("all", form));
const bar = /** @type {HTMLProgressElement} */ (part("run-bar", form));

let selection = reducers.initialSelection(rowsOfPage());
/** @type {AbortController | null} */
let running = null;
let announcing = 0;
let announcedAt = 0;

/** @returns {HTMLTableRowElement[]} */
function rowElements() {
  return [...document.querySelectorAll("tr[data-job-id]")].map((row) => /** @type {HTMLTableRowElement} */ (row));
}

function rowsOfPage() {
  return rowElements().map((row) => ({ jobId: row.dataset.jobId ?? "", status: row.dataset.status ?? "" }));
}

/** @param {HTMLButtonElement} button */
const statesOf = (button) => (button.dataset.states ?? "").split(" ");

/** @param {HTMLElement} row */
const boxOf = (row) => /** @type {HTMLInputElement | null} */ (row.querySelector('input[name="job"]'));

function render() {
  const { ticked, rows, every } = selection;
  for (const row of rowElements()) {
    const box = boxOf(row);
    if (box) [box.checked, box.disabled] = [ticked.has(row.dataset.jobId ?? ""), running !== null];
  }
  pageBox.checked = rows.length > 0 && ticked.size === rows.length;
  pageBox.indeterminate = ticked.size > 0 && !pageBox.checked;
  pageBox.disabled = running !== null;
  if (everyBox) [everyBox.checked, everyBox.disabled] = [every, running !== null];
  for (const button of buttons) {
    const fits = reducers.countFitting(selection, statesOf(button));
    button.disabled = running !== null || (!every && fits === 0);
    setText(part("fits", button), !every && fits ? formatNumber(fits) : "");
  }
  setText(part("selected", form), chosenText(ticked.size, every));
  part("what", form).hidden = rows.length === 0;
  part("do", form).hidden = running !== null || rows.length === 0 || !part("sure", form).hidden;
}

/** @param {import("./selection-state.js").Selection} next */
function choose(next) {
  selection = next;
  closeQuestion();
  render();
  const { ticked, every } = selection;
  announce(chosenText(ticked.size, every) || gettext("Nothing is chosen"));
}

/** @param {string} text */
function announce(text) {
  clearTimeout(announcing);
  announcing = setTimeout(() => setText(part("announced", form), text), REST);
}

/* The question, and what follows */

/** @type {() => void} */
let goOn = () => {};

/**
 * @param {HTMLButtonElement} button
 */
async function ask(button) {
  const action = /** @type {Action} */ (button.value);
  const names = selection.every ? null : [...selection.ticked];
  let question = names ? questionText(action, names.length) : "";
  let total = names ? names.length : null;
  if (!names) {
    button.setAttribute("aria-disabled", "true");
    const counted = await askServer(action);
    button.removeAttribute("aria-disabled");
    if (!counted.question) return show(counted.error);
    ({ question, total } = counted);
  }
  goOn = () =>
    start({ action, total, names, states: statesOf(button), search: JSON.parse(form.dataset.search ?? "{}") });
  if (names && action !== "cancel") return goOn();
  setText(part("question", form), question);
  part("sure", form).hidden = false;
  part("do", form).hidden = true;
  // "No" takes the focus, so pressing twice by mistake does nothing.
  part("no", form).focus();
}

/**
 * Return the question of the page that asks without scripts: it has counted the jobs of the search.
 * @param {Action} action
 */
async function askServer(action) {
  const body = new URLSearchParams({ do: action, all: "1" });
  for (const [name, value] of new FormData(form)) if (name === "csrfmiddlewaretoken") body.set(name, String(value));
  const answer = await fetch(form.action, { method: "POST", body, credentials: "same-origin" }).catch(() => null);
  const page = new DOMParser().parseFromString((await answer?.text().catch(() => "")) ?? "", "text/html");
  const question = /** @type {HTMLElement | null} */ (page.querySelector("[data-total]"));
  const total = question?.dataset.total ? Number(question.dataset.total) : null;
  const refused = page.querySelector('[role="alert"]')?.textContent;
  const error = refused ?? errorMessage({ status: answer?.status === 200 ? 401 : (answer?.status ?? 0), data: null });
  return { question: question?.textContent ?? "", total, error };
}

function closeQuestion() {
  part("sure", form).hidden = true;
}

/* The run */

/** @param {import("./selection-run.js").Plan} plan */
async function start(plan) {
  closeQuestion();
  if (running) return;
  running = new AbortController();
  render();
  part("stop", form).hidden = false;
  bar.hidden = false;
  part("run", form).hidden = false;
  part("stop", form).focus();
  announcedAt = -Infinity;
  addEventListener("beforeunload", warn);
  const run = await runPlan(
    plan,
    { list: listJobs, change: changeJobs, pause, explain: errorMessage },
    tell,
    running.signal,
  );
  removeEventListener("beforeunload", warn);
  running = null;
  selection = reducers.onTickEvery(selection, false);
  await readAgain();
  render();
  show(resultText(run));
}

/** @param {import("./selection-state.js").Run} run */
function tell(run) {
  const fraction = reducers.fractionOf(run);
  if (fraction === null) bar.removeAttribute("value");
  else bar.value = fraction;
  const text = progressText(run);
  setText(part("words", form), text);
  readSoon();
  if (performance.now() - announcedAt < TELL_EVERY) return;
  announcedAt = performance.now();
  announce(text);
}

/** Show what came of it. @param {string} text */
function show(text) {
  const held = part("run", form).contains(document.activeElement);
  part("run", form).hidden = false;
  bar.hidden = true;
  part("stop", form).hidden = true;
  setText(part("words", form), text);
  if (held) part("words", form).focus();
  announce(text);
}

/** @param {BeforeUnloadEvent} event */
const warn = (event) => event.preventDefault();

/**
 * Wait, but not if the run is stopped meanwhile.
 * @param {number} seconds
 * @returns {Promise<void>}
 */
function pause(seconds) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, seconds * 1000);
    running?.signal.addEventListener("abort", () => (clearTimeout(timer), resolve()));
  });
}

const readSoon = atMostEvery(READ_EVERY, () => void readAgain());

/** Read the page again, and put its table and numbers in the place of the old ones. */
async function readAgain() {
  const answer = await fetch(form.action, { credentials: "same-origin", cache: "no-store" }).catch(() => null);
  if (!answer?.ok || answer.redirected) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const old of document.querySelectorAll("[data-live]")) {
    const fresh = page.querySelector(`[data-live="${old.getAttribute("data-live")}"]`);
    if (!fresh) continue;
    document.adoptNode(fresh);
    localizeTimes(fresh);
    const held = old.contains(document.activeElement);
    if (!fresh.isEqualNode(old)) old.replaceWith(fresh);
    if (held && document.activeElement === document.body) document.getElementById("found-title")?.focus();
  }
  selection = reducers.onRows(selection, rowsOfPage());
  render();
}

/* What the reader does */

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const button = /** @type {HTMLButtonElement | null} */ (event.submitter);
  if (button && !running && button.getAttribute("aria-disabled") !== "true") ask(button);
});
document.addEventListener("click", (event) => {
  const box = event.target;
  const row = box instanceof HTMLInputElement && box.name === "job" ? box.closest("tr") : null;
  if (!(box instanceof HTMLInputElement) || !row) return;
  choose(reducers.onTick(selection, row.dataset.jobId ?? "", box.checked, event.shiftKey));
});
pageBox.addEventListener("change", () => choose(reducers.onTickPage(selection, pageBox.checked)));
everyBox?.addEventListener("change", () => choose(reducers.onTickEvery(selection, everyBox.checked)));
part("yes", form).addEventListener("click", () => goOn());
part("no", form).addEventListener(
  "click",
  () => (closeQuestion(), render(), buttons.find((one) => !one.disabled)?.focus()),
);
part("stop", form).addEventListener("click", () => running?.abort());
form.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !part("sure", form).hidden) part("no", form).click();
});

render();
