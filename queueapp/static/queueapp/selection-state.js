// @ts-check
/**
 * The selection on the page of all jobs, and the progress of an action on it. Pure reducers, as in state.js.
 *
 * @typedef {"cancel" | "retry" | "front" | "back"} Action
 * @typedef {{jobId: string, status: string}} Row
 * @typedef {{rows: readonly Row[], ticked: ReadonlySet<string>, every: boolean, anchor: string}} Selection
 *   `every`: all jobs of the search are chosen, also those that the page does not have. `anchor`: the job that was ticked
 *   last, from which a range begins
 * @typedef {{cancelled?: number, stopping?: number, retried?: number, moved?: number, unchanged: number, more?: boolean}}
 *   Answer what the API says of a batch
 * @typedef {{
 *   action: Action,
 *   total: number | null,
 *   reached: number,
 *   changed: number,
 *   stopping: number,
 *   unchanged: number,
 *   left: number,
 *   phase: "goes" | "waits" | "done" | "stopped" | "failed",
 *   why: string,
 * }} Run
 *   `total`: null if it is not known. `left`: jobs of batches that the server has not reached. `why`: it waits, or failed
 */

/**
 * @param {readonly Row[]} rows
 * @returns {Selection}
 */
export const initialSelection = (rows) => ({ rows, ticked: new Set(), every: false, anchor: "" });

/** @param {Selection} selection */
const idsOf = ({ rows }) => rows.map((row) => row.jobId);

/**
 * A job was ticked or not, with all between it and the one before if a range was asked for.
 * @param {Selection} selection
 * @param {string} jobId
 * @param {boolean} on
 * @param {boolean} isRange
 * @returns {Selection}
 */
export function onTick(selection, jobId, on, isRange) {
  const ids = idsOf(selection);
  const to = ids.indexOf(jobId);
  const anchor = isRange ? ids.indexOf(selection.anchor) : -1;
  const from = anchor < 0 ? to : anchor;
  const ticked = new Set(selection.ticked);
  for (const id of ids.slice(Math.min(from, to), Math.max(from, to) + 1)) {
    if (on) ticked.add(id);
    else ticked.delete(id);
  }
  return { ...selection, ticked, every: selection.every && on, anchor: jobId };
}

/**
 * All jobs of the page were ticked, or none.
 * @param {Selection} selection
 * @param {boolean} on
 * @returns {Selection}
 */
export const onTickPage = (selection, on) => ({
  ...selection,
  ticked: new Set(on ? idsOf(selection) : []),
  every: selection.every && on,
  anchor: "",
});

/**
 * All jobs of the search were chosen, or none.
 * @param {Selection} selection
 * @param {boolean} on
 * @returns {Selection}
 */
export const onTickEvery = (selection, on) => ({ ...onTickPage(selection, on), every: on });

/**
 * The page has other rows. What is ticked and still there stays ticked.
 * @param {Selection} selection
 * @param {readonly Row[]} rows
 * @returns {Selection}
 */
export function onRows(selection, rows) {
  const next = { ...selection, rows };
  const isTicked = (/** @type {string} */ id) => selection.every || selection.ticked.has(id);
  return { ...next, ticked: new Set(idsOf(next).filter(isTicked)) };
}

/**
 * Return how many of the ticked jobs are in one of these states.
 * @param {Selection} selection
 * @param {readonly string[]} states
 */
export const countFitting = ({ rows, ticked }, states) =>
  rows.filter((row) => ticked.has(row.jobId) && states.includes(row.status)).length;

/**
 * Return an action at its beginning.
 * @param {Action} action
 * @param {number | null} total
 * @returns {Run}
 */
export const beginRun = (action, total) => ({
  action,
  total,
  reached: 0,
  changed: 0,
  stopping: 0,
  unchanged: 0,
  left: 0,
  phase: "goes",
  why: "",
});

/**
 * A batch is done, as the server has answered, once or more often: what it had not reached was sent again.
 * @param {Run} run
 * @param {number | null} size of the batch; null: not known
 * @param {readonly Answer[]} answers
 * @returns {Run}
 */
export function onBatch(run, size, answers) {
  const last = answers[answers.length - 1];
  const changes = answers.map(changedIn);
  const changed = changes.reduce((sum, one) => sum + one, 0);
  const stopping = Math.max(...answers.map((answer) => answer.stopping ?? 0));
  const many = size ?? changed + stopping + last.unchanged;
  const done = changes[changes.length - 1] + (last.stopping ?? 0) + last.unchanged;
  const left = last.more ? Math.max(many - done, 0) : 0;
  return {
    ...run,
    phase: "goes",
    why: "",
    reached: run.reached + many - left,
    changed: run.changed + changed,
    stopping: run.stopping + stopping,
    // Of a batch that was sent again, the last answer counts what the earlier ones have changed as unchanged.
    unchanged: run.unchanged + Math.max(many - left - changed - stopping, 0),
    left: run.left + left,
  };
}

/** @param {Answer} answer */
const changedIn = (answer) => answer.cancelled ?? answer.retried ?? answer.moved ?? 0;

/**
 * The run is over, or waits.
 * @param {Run} run
 * @param {Run["phase"]} phase
 * @param {string} [why]
 * @returns {Run}
 */
export const onPhase = (run, phase, why = "") => ({ ...run, phase, why });

/**
 * Return how much of it is done, from 0 to 1; null: nobody can tell.
 * @param {Run} run
 */
export const fractionOf = ({ total, reached }) => (total ? Math.min(reached / total, 1) : null);
