// @ts-check
/** The live page: events change one state, and the state is rendered once a frame. */

import { bindRetry } from "./actions.js";
import { readQueue } from "./api.js";
import { bindCancel } from "./cancel.js";
import { bindSubmit } from "./form.js";
import { bindNotifications, jobEnded, notify } from "./notify.js";
import { showConnection, showEnded, showOverview, showShare } from "./overview.js";
import { endedAt, fillAge, fillFinished, localizeTimes } from "./rows/finished.js";
import { JobList } from "./rows/list.js";
import { fillRunning, fillTimeSpent } from "./rows/running.js";
import { fillEstimatedStart, fillWaiting } from "./rows/waiting.js";
import { load, save } from "./storage.js";
import { follow } from "./stream.js";

/**
 * @typedef {import("./api.js").Job} Job
 * @typedef {import("./api.js").Queue} Queue
 */

const main = /** @type {HTMLElement} */ (document.getElementById("main"));
const user = main.dataset.user ?? "";
const reducedMotion = matchMedia("(prefers-reduced-motion: reduce)").matches;

const running = new JobList("running", fillRunning);
const waiting = new JobList("waiting", fillWaiting);
const finished = new JobList("finished", fillFinished);

/** @type {Queue | null} */ let queue = null;
/** @type {Job[]} */ let ended = [];
/**
 * Jobs known to have ended: when, and until when (by the server's clock) a queue that still lists one counts as older
 * than its completion. A job that a later queue lists was retried.
 * @type {Map<string, {ended: number, until: number}>}
 */
const over = new Map();
const AS_NEW = 2000;
/** Jobs cancelled here: the user needs no notice of them. */
const cancelledHere = new Set();
/** When, by the server's clock, the `time_spent` of each running job was true. @type {Map<string, number>} */
const spentAt = new Map();
let live = false;

/* The server's clock. It is never behind an event that has arrived: the greatest of these bounds is the estimate. */

let ahead = -Infinity;
let frozen = 0;
const serverNow = () => (live ? performance.now() + ahead : frozen);

/** @param {string} time of an event */
function setClock(time) {
  ahead = Math.max(ahead, Date.parse(time) - performance.now());
}

/* Events */

/** @param {Queue} next */
function onQueue(next) {
  if (next.user !== user) {
    stream.end();
    return showEnded(`This browser is logged in as ${next.user} now.`, "Show that queue");
  }
  if (queue && Date.parse(next.time) < Date.parse(queue.time)) return;
  queue = next;
  setClock(next.time);
  for (const job of next.running) spentAt.set(job.job_id, Date.parse(next.time));
  schedule();
}

/** @param {import("./api.js").Progress} progress */
function onProgress({ time, jobs }) {
  setClock(time);
  for (const news of jobs) {
    const job = queue?.running.find(({ job_id }) => job_id === news.job_id);
    if (!job || news.time_spent < job.time_spent) continue;
    Object.assign(job, news);
    spentAt.set(job.job_id, Date.parse(time));
  }
  schedule();
}

/** @param {Job} job */
function onCompleted(job) {
  const moment = Date.parse(job.finished_at ?? "");
  if (over.get(job.job_id)?.ended === moment) return;
  over.set(job.job_id, { ended: moment, until: serverNow() + AS_NEW });
  spentAt.delete(job.job_id);
  ended.push(job);
  if (!cancelledHere.delete(job.job_id)) jobEnded(job);
  schedule();
}

/** @param {import("./stream.js").ConnectionState} state */
function onConnection(state) {
  frozen = serverNow();
  live = state === "live";
  if (live) ahead = queue ? Date.parse(queue.time) - performance.now() : ahead;
  showConnection(state, queue && new Date(frozen));
  if (state === "ended") showEnded("Your session has ended. You see the queue as it was then.");
}

/* Rendering */

let scheduled = false;

/** Render soon, once for all changes until then. A hidden page gets no frames, but must not pile up work. */
function schedule() {
  if (scheduled) return;
  scheduled = true;
  if (document.hidden) setTimeout(render, 500);
  else requestAnimationFrame(render);
}

function render() {
  scheduled = false;
  if (ended.length) {
    const news = ended;
    ended = [];
    finished.prepend(news);
    saveSeen();
  }
  if (queue) {
    queue.running = queue.running.filter(isOn);
    queue.waiting = queue.waiting.filter(isOn);
    running.show(queue.running);
    waiting.show(queue.waiting);
    showOverview(queue);
    main.toggleAttribute("data-nothing-yet", !queue.running.length && !queue.waiting.length && !finished.rows.size);
  }
  renderTimeSpent();
  renderRelativeTimes();
}

/**
 * Whether a job that the queue lists has not ended, or was retried. A queue may be older than the completion that
 * came before it.
 * @param {Job} job
 */
function isOn({ job_id }) {
  const known = over.get(job_id);
  if (known && Date.parse(queue?.time ?? "") <= known.until) return false;
  if (known) beginsAgain(job_id);
  return true;
}

/** @param {string} jobId */
function beginsAgain(jobId) {
  over.delete(jobId);
  finished.remove(jobId);
  finished.labelUnfold();
}

/** Update the texts that change as time passes. */
function renderTimeSpent() {
  if (!queue || document.hidden) return;
  const now = serverNow();
  for (const job of queue.running) {
    const row = running.rows.get(job.job_id);
    const since = (now - (spentAt.get(job.job_id) ?? now)) / 1000;
    if (row) fillTimeSpent(row, job.time_spent + Math.max(since, 0), job.duration);
  }
}

function renderRelativeTimes() {
  if (document.hidden) return;
  if (queue) showShare(queue, serverNow());
  for (const job of queue?.waiting ?? []) {
    const row = waiting.rows.get(job.job_id);
    if (row) fillEstimatedStart(row, job, serverNow());
  }
  const now = queue && live ? serverNow() : Date.now();
  for (const row of finished.rows.values()) fillAge(row, now);
}

/* Since the last visit */

const SEEN_KEY = `seen.${user}`;

function saveSeen() {
  if (document.hidden) return;
  const newest = finished.list.querySelector("time")?.dateTime;
  if (newest) save(SEEN_KEY, newest);
}

/** Mark the jobs that ended since this browser last showed the page, and say how many. */
function markUnseen() {
  const seen = Date.parse(load(SEEN_KEY) ?? "");
  let unseen = 0;
  for (const [jobId, row] of finished.rows) {
    localizeTimes(row);
    over.set(jobId, { ended: endedAt(row), until: -Infinity });
    if (!(Date.parse(row.parts.age.getAttribute("datetime") ?? "") > seen)) continue;
    row.element.classList.add("is-unseen");
    unseen++;
  }
  if (unseen) {
    const all = unseen === finished.rows.size && unseen > 1 ? "at least " : "";
    notify(`${all}${unseen} job${unseen === 1 ? "" : "s"} ended`, "since you were here last.", "many");
  }
  saveSeen();
}

/* Start */

/** Show the effect of the user's action even while the stream is down. */
async function refresh() {
  if (live) return;
  const answer = await readQueue();
  if (answer.status === 200) onQueue(answer.data);
}

markUnseen();
renderRelativeTimes();
bindNotifications();
bindSubmit(refresh);
for (const { list } of [waiting, running]) {
  bindCancel(list, (jobId, cancelled) => {
    if (cancelled) cancelledHere.add(jobId);
    refresh();
  });
}
bindRetry(finished, (jobId, ended) => {
  // Unless the completion of the retry came before the answer.
  if (over.get(jobId)?.ended === ended) beginsAgain(jobId);
  refresh();
});
document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  saveSeen();
  schedule();
});
setInterval(renderTimeSpent, reducedMotion ? 1000 : 100);
setInterval(renderRelativeTimes, 1000);

const stream = follow({
  after: main.dataset.lastNumber ?? "",
  events: { queue: onQueue, reset: onQueue, progress: onProgress, completed: onCompleted },
  onState: onConnection,
  expectsEvents: () => live && Boolean(queue?.running.length),
});
