// @ts-check
/**
 * What the page of one job knows, and how each event changes it. Reducers only: see state.js.
 *
 * @typedef {import("./api.js").Job} Job
 * @typedef {import("./api.js").Queue} Queue
 * @typedef {import("./api.js").Progress} Progress
 * @typedef {{progress: number, message: string, time_spent: number}} Progressed
 * @typedef {{
 *   jobId: string,
 *   key: string,
 *   stale: boolean,
 *   finishedAt: string,
 *   progressed: Progressed | null,
 * }} JobState
 *   `key`: the state, position and attempt on the page, as the server wrote it. `stale`: an event says otherwise, so the
 *   page is to be read again. `finishedAt`: when the completion that came last says that the job ended. `progressed`: to
 *   be rendered
 */

import { LIVE_WAITING } from "./state.js";

/**
 * @param {string} jobId
 * @param {string} key
 * @returns {JobState}
 */
export const initialState = (jobId, key) => ({ jobId, key, stale: false, finishedAt: "", progressed: null });

/**
 * Return what the page shows of a job's state: pages/job.py writes the same.
 * @param {Job} job
 */
const keyOf = (job) => `${job.status} ${job.position ?? 0} ${job.attempt}${job.stopping ? " stopping" : ""}`;

/**
 * A whole queue has come. Of the jobs that wait it has the first ones only.
 * @param {JobState} state
 * @param {Queue} queue
 * @returns {JobState}
 */
export function onQueue(state, queue) {
  const job = [...queue.running, ...queue.waiting].find((one) => one.job_id === state.jobId);
  if (job) return keyOf(job) === state.key ? state : { ...state, stale: true };
  const [status, position] = state.key.split(" ");
  const should =
    status === "running" || (status === "queued" && Number(position) > 0 && Number(position) <= LIVE_WAITING);
  return should ? { ...state, stale: true } : state;
}

/**
 * @param {JobState} state
 * @param {Progress} progress
 * @returns {JobState}
 */
export function onProgress(state, progress) {
  const job = progress.jobs.find((one) => one.job_id === state.jobId);
  if (!job) return state;
  if (!state.key.startsWith("running")) return { ...state, stale: true };
  const { progress: done, message, time_spent } = job;
  return { ...state, progressed: { progress: done, message, time_spent } };
}

/**
 * A job has ended. A completion that came before changes nothing.
 * @param {JobState} state
 * @param {Job} job
 * @returns {JobState}
 */
export function onCompleted(state, job) {
  if (job.job_id !== state.jobId || job.finished_at === state.finishedAt) return state;
  return { ...state, stale: true, finishedAt: job.finished_at ?? "" };
}

/**
 * The page has been read again, and shows this.
 * @param {JobState} state
 * @param {string} key
 * @returns {JobState}
 */
export const onRead = (state, key) => ({ ...state, key, stale: false, progressed: null });
