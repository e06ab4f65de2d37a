// @ts-check
/** The live page: events change one state (state.js), and the state is rendered once a frame. */

import { bindRetry } from "./actions.js";
import { readQueue } from "./api.js";
import { bindCancel } from "./cancel.js";
import { atMostEvery, oncePerFrame } from "./dom.js";
import { bindSubmit } from "./form.js";
import { filled, gettext, ngettext } from "./i18n.js";
import { bindMove } from "./move.js";
import { bindNotifications, jobEnded, notifiesHidden, notify } from "./notify.js";
import { showConnection, showDelay, showEnded, showOverview, showShare } from "./overview.js";
import { endedAt, fillAge, fillFinished, localizeTimes } from "./rows/finished.js";
import { JobList } from "./rows/list.js";
import { fillRunning, fillTimeSpent } from "./rows/running.js";
import { fillEstimatedStart, fillWaiting } from "./rows/waiting.js";
import { followShared } from "./shared-stream.js";
import * as reducers from "./state.js";
import { load, save } from "./storage.js";
import { iconOf, NO_NEWS, onEnded, showIcon, titleOf } from "./tab.js";

const main = /** @type {HTMLElement} */ (document.getElementById("main"));
const user = main.dataset.user ?? "";
const reducedMotion = matchMedia("(prefers-reduced-motion: reduce)").matches;

const running = new JobList("running", fillRunning);
const waiting = new JobList("waiting", fillWaiting);
const finished = new JobList("finished", fillFinished);

let news = NO_NEWS;
let state = reducers.initialState(
  Array.from(finished.rows, ([jobId, row]) => /** @type {[string, number]} */ ([jobId, endedAt(row)])),
);

const serverNow = () => reducers.serverTime(state, performance.now());

/* Events */

const schedule = oncePerFrame(render);

/** @param {import("./state.js").State} next */
function update(next) {
  if (next === state) return;
  state = next;
  schedule();
}

/** @param {import("./api.js").Queue} queue */
function onQueue(queue) {
  if (queue.user !== user) {
    stream.end();
    const why = filled(gettext("This browser is logged in as %(user)s now."), { user: String(queue.user) });
    return showEnded(why, gettext("Show that queue"));
  }
  update(reducers.onQueue(state, queue, performance.now()));
  if (queue.waiting.length <= reducers.LIVE_WAITING) readRest();
}

/** A queue that comes as an event has only the first jobs that wait. Read the others if they are on the screen. */
const readRest = atMostEvery(2000, async () => {
  const { queue } = state;
  if (waiting.isFolded || document.hidden || !queue || queue.waiting_count <= reducers.LIVE_WAITING) return;
  const answer = await readQueue();
  if (answer.status === 200) onQueue(answer.data);
});

/** @param {import("./api.js").Progress} progress */
function onProgress(progress) {
  update(reducers.onProgress(state, progress, performance.now()));
}

/** @param {import("./api.js").Estimates} estimates */
function onEstimates(estimates) {
  update(reducers.onEstimates(state, estimates, performance.now()));
}

/** @param {import("./api.js").Job} job */
function onCompleted(job) {
  const before = state;
  update(reducers.onCompleted(before, job, performance.now()));
  if (state === before || before.cancelledHere.has(job.job_id)) return;
  if (document.hidden) news = onEnded(news, job);
  jobEnded(job);
}

/** @param {import("./stream.js").ConnectionState} connection */
function onConnection(connection) {
  update(reducers.onConnection(state, connection, performance.now()));
  showConnection(connection, state.queue && new Date(state.clock.frozen));
  if (connection === "ended") showEnded(gettext("Your session has ended. You see the queue as it was then."));
}

/* Rendering */

function render() {
  const { queue, newlyEnded, retried } = state;
  state = reducers.onRendered(state);
  if (newlyEnded.length) {
    finished.prepend(newlyEnded);
    saveSeen();
  }
  for (const jobId of retried) finished.remove(jobId);
  if (retried.size) finished.labelUnfold();
  if (queue) {
    running.show(queue.running);
    waiting.show(queue.waiting, Math.min(queue.waiting_count, reducers.MAX_LISTED));
    showOverview(queue);
    main.toggleAttribute("data-shared-flow", !queue.share.own);
    main.toggleAttribute("data-nothing-yet", !queue.running.length && !queue.waiting.length && !finished.rows.size);
  }
  renderTab();
  renderTimeSpent();
  renderRelativeTimes();
}

/** Not with each event: some screen readers read a title that changes. */
const renderTab = atMostEvery(2000, () => {
  const { queue } = state;
  if (!queue) return;
  const title = titleOf(news, queue.running.length, queue.waiting_count);
  if (document.title !== title) document.title = title;
  showIcon(iconOf(news, queue.running.length));
});

/** Update how long each running job has taken. */
function renderTimeSpent() {
  if (!state.queue || document.hidden) return;
  const now = serverNow();
  for (const job of state.queue.running) {
    const row = running.rows.get(job.job_id);
    const since = (now - (state.spentAt.get(job.job_id) ?? now)) / 1000;
    if (row) fillTimeSpent(row, job.time_spent + Math.max(since, 0), job.duration);
  }
}

/** Update the other texts that change as time passes. */
function renderRelativeTimes() {
  if (document.hidden) return;
  const { queue, clock } = state;
  if (queue) showShare(queue, serverNow());
  showDelay(reducers.delay(state, performance.now()));
  for (const job of queue?.waiting ?? []) {
    const row = waiting.rows.get(job.job_id);
    if (row) fillEstimatedStart(row, job, serverNow());
  }
  const now = queue && clock.live ? serverNow() : Date.now();
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
  for (const row of finished.rows.values()) {
    localizeTimes(row);
    if (!(Date.parse(row.parts.age.getAttribute("datetime") ?? "") > seen)) continue;
    row.element.classList.add("is-unseen");
    unseen++;
  }
  if (unseen) {
    const atLeast = ngettext("at least %(number)s job ended", "at least %(number)s jobs ended", unseen);
    const exactly = ngettext("%(number)s job ended", "%(number)s jobs ended", unseen);
    const ended = unseen === finished.rows.size && unseen > 1 ? atLeast : exactly;
    notify(filled(ended, { number: unseen }), gettext("since you were here last."), "many");
  }
  saveSeen();
}

/* Start */

/** Show the effect of the user's action even while the stream is down. */
async function refresh() {
  if (state.clock.live) return;
  const answer = await readQueue();
  if (answer.status === 200) onQueue(answer.data);
}

waiting.onUnfold = readRest;
markUnseen();
renderRelativeTimes();
bindNotifications();
bindSubmit(refresh);
for (const { list } of [waiting, running]) {
  bindCancel(list, (jobId, cancelled) => {
    if (cancelled) update(reducers.onCancelled(state, jobId));
    refresh();
  });
}
bindMove(waiting.list, refresh);
bindRetry(finished, (jobId, ended) => {
  update(reducers.onRetried(state, jobId, ended));
  refresh();
});
document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  news = NO_NEWS;
  saveSeen();
  schedule();
});
setInterval(renderTimeSpent, reducedMotion ? 1000 : 100);
setInterval(renderRelativeTimes, 1000);

const stream = followShared({
  user,
  after: main.dataset.lastNumber ?? "",
  events: { queue: onQueue, reset: onQueue, progress: onProgress, estimates: onEstimates, completed: onCompleted },
  onState: onConnection,
  expectsEvents: () => state.clock.live && Boolean(state.queue?.running.length),
  isNeededHidden: notifiesHidden,
});
