// @ts-check
/**
 * An action on many jobs, batch by batch, so that its progress can be shown and it can be stopped in between.
 *
 * @typedef {import("./api.js").Answer} Answer
 * @typedef {import("./selection-state.js").Action} Action
 * @typedef {import("./selection-state.js").Run} Run
 * @typedef {{action: Action, total: number | null, names: string[] | null, states: string[],
 *   search: Record<string, string>}} Plan
 *   `names`: the jobs; null: all of the search that are in one of the states
 * @typedef {{
 *   list: (query: Record<string, string>) => Promise<Answer>,
 *   change: (action: Action, body: Record<string, unknown>) => Promise<Answer>,
 *   pause: (seconds: number) => Promise<void>,
 *   explain: (answer: Answer) => string,
 * }} Calls
 *   `pause` ends early if the run is stopped
 * @typedef {{size: number | null, body: Record<string, unknown>}} Batch
 */

import { beginRun, onBatch, onPhase } from "./selection-state.js";

/** Jobs in a batch: few enough for an answer within a second, and for a bar that moves. */
export const BATCH = 500;
/** A job that is in a turn and not started may be out of reach for a moment: it is asked for so often. */
const MAX_TIMES = 5;

/** An answer that ends the run. */
class Refused extends Error {}

/**
 * Do it. `onChange` hears of each batch, and of the end, which is also returned.
 * @param {Plan} plan
 * @param {Calls} calls
 * @param {(run: Run) => void} onChange
 * @param {AbortSignal} signal
 */
export async function runPlan(plan, calls, onChange, signal) {
  let run = beginRun(plan.action, plan.total);
  /** @param {Run} next */
  const tell = (next) => onChange((run = next));

  /**
   * Send until it is taken: the server may ask to wait. Null: the run was stopped meanwhile.
   * @param {() => Promise<Answer>} send
   */
  async function insist(send) {
    while (!signal.aborted) {
      const answer = await send();
      if (answer.status === 200) return answer.data;
      if (!answer.wait || (answer.status !== 429 && answer.status !== 503)) throw new Refused(calls.explain(answer));
      tell(onPhase(run, "waits", calls.explain(answer)));
      await calls.pause(answer.wait);
    }
    return null;
  }

  /** @param {Batch} batch */
  async function send({ size, body }) {
    const answers = [];
    for (;;) {
      const answer = await insist(() => calls.change(plan.action, body));
      if (answer) answers.push(answer);
      // A retry that finds no more room for waiting jobs is told to wait. So it goes on until all are reached.
      const again = answer?.more && (plan.action === "retry" || answers.length < MAX_TIMES);
      if (!again) break;
    }
    if (answers.length) tell(onBatch(run, size, answers));
  }

  tell(run);
  try {
    for await (const batch of batches(plan, (query) => insist(() => calls.list(query)))) {
      if (!signal.aborted) await send(batch);
      if (signal.aborted) break;
    }
    tell(onPhase(run, signal.aborted ? "stopped" : "done"));
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    tell(onPhase(run, "failed", error.message));
  }
  return run;
}

/**
 * Yield the batches of a plan. Jobs of a search are read page by page, the oldest first.
 * @param {Plan} plan
 * @param {(query: Record<string, string>) => Promise<any>} list
 * @returns {AsyncGenerator<Batch>}
 */
async function* batches({ action, names, states, search }, list) {
  const { status, ...fields } = search;
  if (names) {
    const to = moves(action) ? { to: action } : {};
    for (let start = 0; start < names.length; start += BATCH) {
      const job_ids = names.slice(start, start + BATCH);
      yield { size: job_ids.length, body: { job_ids, ...to } };
    }
  } else if (moves(action)) {
    // In one piece, as they keep their order.
    yield { size: null, body: { ...(Object.keys(fields).length ? fields : { all: true }), to: action } };
  } else {
    for (const state of states) {
      // With a state in the search, a job that has left it meanwhile is not meant any more.
      const only = status ? { status } : {};
      for await (const job_ids of pages({ ...fields, status: state }, list)) {
        yield { size: job_ids.length, body: { job_ids, ...only } };
      }
    }
  }
}

/** @param {Action} action */
const moves = (action) => action === "front" || action === "back";

/**
 * Yield the names of the jobs of a search, page by page.
 * @param {Record<string, string>} search
 * @param {(query: Record<string, string>) => Promise<any>} list
 * @returns {AsyncGenerator<string[]>}
 */
async function* pages(search, list) {
  let cursor = {};
  for (;;) {
    const page = await list({ ...search, sort: "oldest", page_size: String(BATCH), ...cursor });
    if (!page) return;
    const names = page.results.map((/** @type {{job_id: string}} */ job) => job.job_id);
    if (names.length) yield names;
    if (!page.next) return;
    cursor = { cursor: new URL(page.next).searchParams.get("cursor") ?? "" };
  }
}
