// @ts-check
/**
 * Notices of jobs that ended: on the page, and by the browser while the page is hidden.
 *
 * Jobs may end by the hundred. So jobs that end while earlier notices are shown are counted with them. More than two
 * share one notice with a number, which is updated at most once a second.
 */

import { part } from "./dom.js";
import { formatDuration, formatNumber, isolated } from "./format.js";
import { filled, gettext, ngettext } from "./i18n.js";
import { choose, chosen, isBlocked, lastEnds, tells } from "./permission.js";

const ICON = new URL("favicon.svg", import.meta.url).href;

/** @typedef {import("./api.js").Job} Job */

const BATCH_DELAY = 300;
const BATCH_DELAY_MANY = 1000;
const BATCH_DELAY_HIDDEN = 2000;
const DISMISS_DELAY = 7000;
const DISMISS_DELAY_FAILED = 15000;

const region = /** @type {HTMLElement} */ (document.querySelector('[data-testid="notice"]'));
const template = /** @type {HTMLTemplateElement} */ (document.getElementById("notice-card"));
const button = /** @type {HTMLButtonElement} */ (part("notify"));

/** @type {Job[]} */ let shown = [];
/** @type {Job[]} */ let batch = [];
/** @type {Job[]} */ let hiddenBatch = [];
let batchTimer = 0;
let hiddenBatchTimer = 0;
let dismissTimer = 0;
/** @type {Map<string, HTMLElement>} */
const cards = new Map();

/** @param {Job} job */
export function jobEnded(job) {
  batch.push(job);
  batchTimer ||= setTimeout(showBatch, shown.length > 2 ? BATCH_DELAY_MANY : BATCH_DELAY);
  if (!document.hidden || !tells(chosen(), job.status)) return;
  hiddenBatch.push(job);
  hiddenBatchTimer ||= setTimeout(notifyBrowser, BATCH_DELAY_HIDDEN);
}

/**
 * Show a notice of something else, once.
 * @param {string} title
 * @param {string} text
 * @param {string} mark
 */
export function notify(title, text, mark = "failed") {
  const key = `notice ${title}`;
  showCard(key, title, text, mark);
  setTimeout(() => dismiss(key), DISMISS_DELAY);
}

function showBatch() {
  batchTimer = 0;
  shown.push(...batch);
  batch = [];
  if (shown.length <= 2) for (const job of shown) showCard(`job ${job.job_id}`, ...describe(job), job.status);
  else {
    for (const key of [...cards.keys()]) if (key.startsWith("job ")) dismiss(key);
    const failed = shown.some((job) => job.status === "failed");
    showCard("many", ...describeMany(shown), failed ? "failed" : "many");
  }
  scheduleDismiss();
}

function scheduleDismiss() {
  clearTimeout(dismissTimer);
  dismissTimer = setTimeout(
    () => (region.matches(":hover, :focus-within") ? scheduleDismiss() : dismissJobs()),
    shown.some((job) => job.status === "failed") ? DISMISS_DELAY_FAILED : DISMISS_DELAY,
  );
}

function dismissJobs() {
  shown = [];
  for (const key of [...cards.keys()]) if (!key.startsWith("notice ")) dismiss(key);
}

/**
 * @param {Job} job
 * @returns {[string, string]}
 */
function describe(job) {
  const after = filled(gettext("after %(duration)s"), { duration: formatDuration(job.time_spent) });
  const took = job.started_at ? after : gettext("before it started");
  const named = (/** @type {string} */ text) => filled(text, { name: isolated(job.job_id) });
  if (job.status === "failed") return [named(gettext("%(name)s failed")), job.error || took];
  if (job.status === "cancelled") return [named(gettext("%(name)s was cancelled")), took];
  return [named(gettext("%(name)s is done")), took];
}

/** How many jobs ended in which way, in words. @type {[string, (number: number) => string][]} */
const COUNTED = [
  ["succeeded", (number) => ngettext("%(number)s succeeded", "%(number)s succeeded", number)],
  ["failed", (number) => ngettext("%(number)s failed", "%(number)s failed", number)],
  ["cancelled", (number) => ngettext("%(number)s cancelled", "%(number)s cancelled", number)],
];

/**
 * @param {Job[]} jobs
 * @returns {[string, string]}
 */
function describeMany(jobs) {
  const words = COUNTED.flatMap(([status, text]) => {
    const number = jobs.filter((job) => job.status === status).length;
    return number ? [filled(text(number), { number: formatNumber(number) })] : [];
  });
  const title = ngettext("%(number)s job done", "%(number)s jobs done", jobs.length);
  return [filled(title, { number: formatNumber(jobs.length) }), words.join(", ")];
}

/**
 * Show a notice, or update the one with the same key.
 * @param {string} key
 * @param {string} title
 * @param {string} text
 * @param {string} mark
 */
function showCard(key, title, text, mark) {
  let element = cards.get(key);
  if (!element) {
    const copy = /** @type {DocumentFragment} */ (template.content.cloneNode(true));
    element = /** @type {HTMLElement} */ (copy.firstElementChild);
    part("close", element).addEventListener("click", () => (key === "many" ? dismissJobs() : dismiss(key)));
    cards.set(key, element);
  }
  element.dataset.status = mark;
  part("mark", element).setAttribute("href", `#mark-${mark}`);
  part("title", element).textContent = title;
  part("text", element).textContent = text;
  // Last, so that a screen reader reads the whole text.
  if (!element.isConnected) region.append(element);
}

/** @param {string} key */
function dismiss(key) {
  cards.get(key)?.remove();
  cards.delete(key);
}

/* The browser's own notifications */

export function bindNotifications() {
  labelButton();
  button.addEventListener("click", async () => {
    await choose(notifiesHidden() ? "no" : lastEnds());
    labelButton();
  });
}

/** Whether the browser is to tell of jobs that end while this page is out of sight. */
export const notifiesHidden = () => chosen() !== "no";

const LABELS = {
  all: gettext("Notifications on"),
  failed: gettext("Notifications of failures on"),
  no: gettext("Notify me"),
};

function labelButton() {
  button.hidden = isBlocked();
  button.textContent = LABELS[chosen()];
  button.title = gettext("By the browser, when a job ends while this page is out of sight");
}

function notifyBrowser() {
  hiddenBatchTimer = 0;
  const jobs = hiddenBatch;
  if (!document.hidden) hiddenBatch = [];
  if (!document.hidden || !notifiesHidden()) return;
  const [title, body] = jobs.length === 1 ? describe(jobs[0]) : describeMany(jobs);
  try {
    // One tag: a later notification replaces the earlier one, in this tab and in others. Its number includes it.
    const notification = new Notification(title, { body, tag: "turnabout", icon: ICON });
    notification.onclick = () => (window.focus(), notification.close());
  } catch {
    button.hidden = true; // Chrome on Android has the class, but its constructor throws
  }
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  hiddenBatch = [];
  if (shown.length) scheduleDismiss();
});
