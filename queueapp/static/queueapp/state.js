// @ts-check
/**
 * The state of the page, and how each event changes it.
 *
 * Reducers only: a function takes a state and what happened, and returns the next state. None changes its arguments,
 * reads a clock or touches the document. `now` is always `performance.now()`, in milliseconds.
 *
 * @typedef {import("./api.js").Job} Job
 * @typedef {import("./api.js").Queue} Queue
 * @typedef {import("./api.js").Progress} Progress
 * @typedef {import("./api.js").Estimates} Estimates
 * @typedef {import("./stream.js").ConnectionState} ConnectionState
 *
 * @typedef {Pick<Estimates, "ranges" | "held">} Accuracy
 *
 * @typedef {{ended: number, until: number}} Ended when a job ended, and until when (by the server's clock) a queue that
 *   still lists it counts as older than its completion
 * @typedef {{live: boolean, ahead: number, frozen: number}} Clock the server's clock. While live, it is `ahead` of
 *   `performance.now()`, and never behind an event that has arrived; else it stands at `frozen`.
 * @typedef {{
 *   queue: Queue | null,
 *   takenOff: Pick<Queue, "running" | "waiting">,
 *   behind: number,
 *   accuracy: Accuracy,
 *   heardAt: number,
 *   clock: Clock,
 *   ended: ReadonlyMap<string, Ended>,
 *   cancelledHere: ReadonlySet<string>,
 *   spentAt: ReadonlyMap<string, number>,
 *   newlyEnded: readonly Job[],
 *   retried: ReadonlySet<string>,
 * }} State
 *   `behind`: seconds by which the server is late to send changed queues. `accuracy`: how exact estimates are. `heardAt`:
 *   when the last event came. `queue`: the newest one, without the jobs that have ended since, which are `takenOff`.
 *   `ended`: jobs known to have ended.
 *   `cancelledHere`: jobs cancelled on this page, so that the user needs no notice of them. `spentAt`: when, by the
 *   server's clock, the `time_spent` of each running job was true.
 *   To be rendered: `newlyEnded` belong on top of the finished jobs, the last one first; `retried` no longer belong
 *   there.
 */

/** For so long (ms) after a completion, a queue that lists the job is older than it. Later, the job was retried. */
const STALE_FOR = 2000;
/** @type {State["takenOff"]} */
const NONE = { running: [], waiting: [] };
/** As many completions are known at most. The page has fewer rows than this. */
const MAX_ENDED = 2000;

/**
 * Return the state before the first event.
 * @param {Iterable<[string, number]>} ended jobs that the server rendered as finished, and when each ended
 * @returns {State}
 */
export function initialState(ended) {
  return {
    queue: null,
    takenOff: NONE,
    behind: 0,
    accuracy: { ranges: [], held: null },
    heardAt: -Infinity,
    clock: { live: false, ahead: -Infinity, frozen: 0 },
    ended: new Map([...ended].map(([jobId, moment]) => [jobId, { ended: moment, until: -Infinity }])),
    cancelledHere: new Set(),
    spentAt: new Map(),
    newlyEnded: [],
    retried: new Set(),
  };
}

/**
 * Return the time by the server's clock, in milliseconds.
 * @param {State} state
 * @param {number} now
 */
export const serverTime = ({ clock }, now) => (clock.live ? now + clock.ahead : clock.frozen);

/** With jobs in the queue an event comes every second. Data that are older than this (seconds) are called so. */
const LATE = 3;

/**
 * Return by how many seconds the page is behind; 0: it is not, or not known to be.
 * @param {State} state
 * @param {number} now
 */
export function delay({ queue, clock, behind, heardAt }, now) {
  if (!queue || !clock.live) return 0;
  const silent = queue.running.length + queue.waiting_count > 0 ? (now - heardAt) / 1000 : 0;
  const late = Math.max(behind, silent);
  return late > LATE ? late : 0;
}

/**
 * A whole queue has come. One that is older than the queue on the page changes nothing.
 * @param {State} state
 * @param {Queue} queue
 * @param {number} now
 * @returns {State}
 */
export function onQueue(state, queue, now) {
  const time = Date.parse(queue.time);
  if (state.queue && time < Date.parse(state.queue.time)) return state;
  const waiting = queue.waiting.map((job) => withRange(job, time, state.accuracy));
  queue = { ...queue, waiting: state.queue ? [...waiting, ...rest(queue, state.queue)] : waiting };
  const spentAt = new Map(queue.running.map((job) => [job.job_id, time]));
  const clock = advance(state.clock, time, now);
  return withoutEnded({ ...state, queue, takenOff: NONE, spentAt, heardAt: now, clock });
}

/** As many queued jobs are listed at most: those of a queue that was asked for. An event has only the first of them. */
export const MAX_LISTED = 100;
/** Jobs that wait on a page that just came, and in a queue of the event stream, at most. */
export const LIVE_WAITING = 20;

/**
 * Return the queued jobs behind those of a queue that came as an event, as an earlier queue has them.
 * @param {Queue} queue
 * @param {Queue} earlier
 */
function rest(queue, earlier) {
  const missing = Math.min(queue.waiting_count, MAX_LISTED) - queue.waiting.length;
  const last = queue.waiting.at(-1)?.job_id;
  const after = earlier.waiting.findIndex((job) => job.job_id === last) + 1;
  return after && missing > 0 ? earlier.waiting.slice(after, after + missing) : [];
}

/**
 * Running jobs have made progress. What is older than the job on the page is ignored.
 * @param {State} state
 * @param {Progress} progress
 * @param {number} now
 * @returns {State}
 */
export function onProgress(state, progress, now) {
  const time = Date.parse(progress.time);
  const clock = advance(state.clock, time, now);
  if (!state.queue) return { ...state, heardAt: now, clock };
  const news = new Map(progress.jobs.map((job) => [job.job_id, job]));
  const spentAt = new Map(state.spentAt);
  const running = state.queue.running.map((job) => {
    const newer = news.get(job.job_id);
    if (!newer || newer.time_spent < job.time_spent) return job;
    spentAt.set(job.job_id, time);
    return { ...job, ...newer };
  });
  return { ...state, clock, spentAt, heardAt: now, queue: { ...state.queue, running } };
}

/**
 * Others' jobs have changed when this user's start, the share, or the processors.
 * @param {State} state
 * @param {Estimates} estimates
 * @param {number} now
 * @returns {State}
 */
export function onEstimates(state, estimates, now) {
  const time = Date.parse(estimates.time);
  const { behind, ranges, held } = estimates;
  const accuracy = { ranges, held };
  const told = { ...state, behind, accuracy, heardAt: now, clock: advance(state.clock, time, now) };
  const next = withRetried(told, time - 1000 * behind);
  const { queue } = next;
  if (!queue) return next;
  const waiting = queue.waiting.map((job) => {
    if (job.tag == null) return job;
    const start = new Date(time + 1000 * startOf(job.tag, estimates)).toISOString();
    return withRange({ ...job, estimated_start: start }, time, estimates);
  });
  const { share } = queue;
  const present = estimates.shares.find(
    (one) => one.weight === share.weight && one.cap === share.cap && one.active === share.active,
  );
  // A share of 0 is that of a user whose jobs are paused.
  const owed = present && share.owed > 0 ? { ...share, ...present } : share;
  return { ...next, queue: { ...queue, waiting, processors: estimates.processors, share: owed } };
}

/**
 * Return a waiting job with the range in which it should start. Without one: it has no tag, or too little is known.
 * @template {Job} T
 * @param {T} job
 * @param {number} time of its estimated start, in milliseconds
 * @param {Accuracy} accuracy
 * @returns {T}
 */
function withRange(job, time, { ranges, held }) {
  if (job.tag == null || !job.estimated_start) return job;
  const wait = Date.parse(job.estimated_start) - time;
  const factors = ranges.filter(([seconds]) => 1000 * seconds <= wait).at(-1);
  if (!factors) return { ...job, range: null };
  const [earliest, latest] = factors.slice(1).map((factor) => new Date(time + factor * wait).toISOString());
  return { ...job, range: { earliest, latest, held } };
}

/**
 * Return the seconds until a job with this tag starts: see Estimates in the API's schema.
 * @param {number} tag
 * @param {Estimates} estimates
 */
function startOf(tag, { starts, pace }) {
  const after = starts.findIndex((point) => point[0] >= tag);
  if (!starts.length) return 0;
  if (after === 0) return starts[0][1];
  const [lastTag, last] = starts[after < 0 ? starts.length - 1 : after - 1];
  if (after < 0) return last + (tag - lastTag) * pace;
  const [nextTag, following] = starts[after];
  return last + ((tag - lastTag) / (nextTag - lastTag)) * (following - last);
}

/**
 * A job has ended. A completion that has come before changes nothing.
 * @param {State} state
 * @param {Job} job
 * @param {number} now
 * @returns {State}
 */
export function onCompleted(state, job, now) {
  const jobId = job.job_id;
  const moment = Date.parse(job.finished_at ?? "");
  if (state.ended.get(jobId)?.ended === moment) return state;
  const ended = without(state.ended, [jobId]);
  // Not by the server's clock alone: while the stream was down it stood, and this completion may be from meanwhile.
  const until = Math.max(serverTime(state, now), moment || 0) + STALE_FOR;
  ended.set(jobId, { ended: moment, until });
  for (const oldest of ended.keys()) {
    if (ended.size <= MAX_ENDED) break;
    ended.delete(oldest);
  }
  return withoutEnded({
    ...state,
    ended,
    heardAt: now,
    cancelledHere: difference(state.cancelledHere, [jobId]),
    spentAt: without(state.spentAt, [jobId]),
    newlyEnded: [...state.newlyEnded, job],
    retried: difference(state.retried, [jobId]),
  });
}

/**
 * The connection has come up, or gone down. While it is down, the server's clock stands.
 * @param {State} state
 * @param {ConnectionState} connection
 * @param {number} now
 * @returns {State}
 */
export function onConnection(state, connection, now) {
  const live = connection === "live";
  // Not the greatest estimate so far: after a sleep of this machine, it may be far off.
  const ahead = live && state.queue ? Date.parse(state.queue.time) - now : state.clock.ahead;
  return { ...state, clock: { live, ahead, frozen: serverTime(state, now) } };
}

/**
 * The user has cancelled a job here.
 * @param {State} state
 * @param {string} jobId
 * @returns {State}
 */
export function onCancelled(state, jobId) {
  return { ...state, cancelledHere: new Set([...state.cancelledHere, jobId]) };
}

/**
 * The user has retried a job here that had ended at this moment. If the retry has ended too by now, nothing changes.
 * @param {State} state
 * @param {string} jobId
 * @param {number} moment
 * @returns {State}
 */
export function onRetried(state, jobId, moment) {
  return state.ended.get(jobId)?.ended === moment ? retry(state, [jobId]) : state;
}

/**
 * The page shows this state: forget what was to be rendered once.
 * @param {State} state
 * @returns {State}
 */
export function onRendered(state) {
  return { ...state, newlyEnded: [], retried: new Set() };
}

/**
 * Take the jobs that have ended off the queue. A job that a newer queue lists was retried.
 * @param {State} state
 * @param {number} [time] until which no newer queue has come, in milliseconds by the server's clock
 * @returns {State}
 */
function withoutEnded(state, time = Date.parse(state.queue?.time ?? "")) {
  const { queue, ended } = state;
  if (!queue) return state;
  const isOn = (/** @type {Job} */ { job_id }) => !(time <= (ended.get(job_id)?.until ?? -Infinity));
  const [running, waiting] = [queue.running.filter(isOn), queue.waiting.filter(isOn)];
  const takenOff = {
    running: [...state.takenOff.running, ...queue.running.filter((job) => !isOn(job))],
    waiting: [...state.takenOff.waiting, ...queue.waiting.filter((job) => !isOn(job))],
  };
  const retried = [...running, ...waiting].map((job) => job.job_id).filter((jobId) => ended.has(jobId));
  return retry({ ...state, takenOff, queue: { ...queue, running, waiting } }, retried);
}

/**
 * Put the jobs back that were taken off the queue, if no newer one has come by now: they were retried. Those that ended
 * after it was read were not.
 * @param {State} state
 * @param {number} time by the server's clock, in milliseconds
 * @returns {State}
 */
function withRetried(state, time) {
  const { queue, takenOff, ended } = state;
  if (!queue || !(takenOff.running.length || takenOff.waiting.length)) return state;
  const readAt = Date.parse(queue.time);
  const isBack = (/** @type {Job} */ { job_id }) => readAt > (ended.get(job_id)?.ended ?? Infinity);
  const running = [...queue.running, ...takenOff.running.filter(isBack)];
  const waiting = [...queue.waiting, ...takenOff.waiting.filter(isBack)];
  return withoutEnded({ ...state, takenOff: NONE, queue: { ...queue, running, waiting } }, time);
}

/**
 * @param {State} state
 * @param {string[]} jobIds
 * @returns {State}
 */
function retry(state, jobIds) {
  if (!jobIds.length) return state;
  return {
    ...state,
    ended: without(state.ended, jobIds),
    newlyEnded: state.newlyEnded.filter((job) => !jobIds.includes(job.job_id)),
    retried: new Set([...state.retried, ...jobIds]),
  };
}

/**
 * @param {Clock} clock
 * @param {number} time of an event, in milliseconds
 * @param {number} now
 */
const advance = (clock, time, now) => ({ ...clock, ahead: Math.max(clock.ahead, time - now) });

/**
 * @template T
 * @param {ReadonlyMap<string, T>} map
 * @param {string[]} keys
 * @returns {Map<string, T>}
 */
function without(map, keys) {
  const copy = new Map(map);
  for (const key of keys) copy.delete(key);
  return copy;
}

/**
 * @param {ReadonlySet<string>} set
 * @param {string[]} keys
 * @returns {Set<string>}
 */
function difference(set, keys) {
  const copy = new Set(set);
  for (const key of keys) copy.delete(key);
  return copy;
}
