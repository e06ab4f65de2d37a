// @ts-check
/**
 * Notices of jobs that ended: on the page, and by the browser while the page is hidden.
 *
 * Jobs may end by the hundred. So jobs that end while earlier notices are shown are counted with them. More than two
 * share one notice with a number, which is updated at most once a second.
 */

import { recall, remember } from "./storage.js";
import { part } from "./rows.js";
import { grouped, seconds } from "./format.js";

const ICON = new URL("favicon.svg", import.meta.url).href;

/** @typedef {import("./api.js").Job} Job */

const GATHER = 300;
const GATHER_MORE = 1000;
const GATHER_HIDDEN = 2000;
const STAY = 7000;
const STAY_FAILED = 15000;
const WANTED = "notify";

const region = /** @type {HTMLElement} */ (document.querySelector('[data-testid="notice"]'));
const template = /** @type {HTMLTemplateElement} */ (document.getElementById("notice-card"));
const button = /** @type {HTMLButtonElement} */ (part("notify"));

/** @type {Job[]} */ let shown = [];
/** @type {Job[]} */ let gathered = [];
/** @type {Job[]} */ let unseen = [];
let gathering = 0;
let hiddenGathering = 0;
let staying = 0;
/** @type {Map<string, HTMLElement>} */
const cards = new Map();

/** @param {Job} job */
export function done(job) {
  gathered.push(job);
  gathering ||= setTimeout(showGathered, shown.length > 2 ? GATHER_MORE : GATHER);
  if (!document.hidden) return;
  unseen.push(job);
  hiddenGathering ||= setTimeout(tellBrowser, GATHER_HIDDEN);
}

/**
 * Show a notice of something else, once.
 * @param {string} title
 * @param {string} text
 * @param {string} mark
 */
export function say(title, text, mark = "failed") {
  const key = `say ${title}`;
  card(key, title, text, mark);
  setTimeout(() => remove(key), STAY);
}

function showGathered() {
  gathering = 0;
  shown.push(...gathered);
  gathered = [];
  if (shown.length <= 2) for (const job of shown) card(`job ${job.job_id}`, ...about(job), job.status);
  else {
    for (const key of [...cards.keys()]) if (key.startsWith("job ")) remove(key);
    const failed = shown.some((job) => job.status === "failed");
    card("many", ...aboutMany(shown), failed ? "failed" : "many");
  }
  stay();
}

function stay() {
  clearTimeout(staying);
  staying = setTimeout(
    () => (region.matches(":hover, :focus-within") ? stay() : forget()),
    shown.some((job) => job.status === "failed") ? STAY_FAILED : STAY,
  );
}

function forget() {
  shown = [];
  for (const key of [...cards.keys()]) if (!key.startsWith("say ")) remove(key);
}

/**
 * @param {Job} job
 * @returns {[string, string]}
 */
function about(job) {
  const took = job.started_at ? `after ${seconds(job.time_spent)}` : "before it started";
  if (job.status === "failed") return [`${job.job_id} failed`, job.error ? `${job.error}` : took];
  if (job.status === "cancelled") return [`${job.job_id} was cancelled`, took];
  return [`${job.job_id} is done`, took];
}

/**
 * @param {Job[]} jobs
 * @returns {[string, string]}
 */
function aboutMany(jobs) {
  const count = (/** @type {string} */ status) => jobs.filter((job) => job.status === status).length;
  const words = ["succeeded", "failed", "cancelled"]
    .filter(count)
    .map((status) => `${grouped(count(status))} ${status}`);
  return [`${grouped(jobs.length)} jobs done`, words.join(", ")];
}

/**
 * Show a notice, or update the one with the same key.
 * @param {string} key
 * @param {string} title
 * @param {string} text
 * @param {string} mark
 */
function card(key, title, text, mark) {
  let element = cards.get(key);
  if (!element) {
    const copy = /** @type {DocumentFragment} */ (template.content.cloneNode(true));
    element = /** @type {HTMLElement} */ (copy.firstElementChild);
    part("close", element).addEventListener("click", () => (key === "many" ? forget() : remove(key)));
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
function remove(key) {
  cards.get(key)?.remove();
  cards.delete(key);
}

/* The browser's own notifications */

const possible = "Notification" in window && window.isSecureContext;

const wanted = () => recall(WANTED) !== "no";

export function offerNotifications() {
  label();
  button.addEventListener("click", async () => {
    if (Notification.permission === "default") {
      await Notification.requestPermission();
      remember(WANTED, "yes");
    } else remember(WANTED, wanted() ? "no" : "yes");
    label();
  });
}

function label() {
  button.hidden = !possible || Notification.permission === "denied";
  const on = possible && Notification.permission === "granted" && wanted();
  button.textContent = on ? "Notifications on" : "Notify me";
  button.title = "By the browser, when a job ends while this page is out of sight";
}

function tellBrowser() {
  hiddenGathering = 0;
  const jobs = unseen;
  if (!document.hidden) unseen = [];
  if (!document.hidden || !possible || Notification.permission !== "granted" || !wanted()) return;
  const [title, body] = jobs.length === 1 ? about(jobs[0]) : aboutMany(jobs);
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
  unseen = [];
  if (shown.length) stay();
});
