// @ts-check
/** What is chosen on the page of all jobs, and an action on it. */

import assert from "node:assert/strict";
import test from "node:test";

import { BATCH, runPlan } from "../../queueapp/static/queueapp/selection-run.js";
import * as reducers from "../../queueapp/static/queueapp/selection-state.js";
import { chosenText, progressText, resultText } from "../../queueapp/static/queueapp/selection-words.js";

/** @typedef {import("../../queueapp/static/queueapp/selection-run.js").Calls} Calls */
/** @typedef {import("../../queueapp/static/queueapp/selection-run.js").Plan} Plan */
/** @typedef {import("../../queueapp/static/queueapp/selection-state.js").Run} Run */

const ROWS = ["queued", "running", "failed", "succeeded", "queued"].map((status, n) => ({ jobId: `j${n}`, status }));
const start = reducers.initialSelection(ROWS);

/** @param {import("../../queueapp/static/queueapp/selection-state.js").Selection} selection */
const ticked = (selection) => [...selection.ticked].sort();

test("a range goes from the job that was ticked last, upwards and downwards, and is taken back alike", () => {
  const down = reducers.onTick(reducers.onTick(start, "j1", true, false), "j3", true, true);
  assert.deepEqual(ticked(down), ["j1", "j2", "j3"]);
  const up = reducers.onTick(down, "j0", true, true);
  assert.deepEqual(ticked(up), ["j0", "j1", "j2", "j3"]);
  assert.deepEqual(ticked(reducers.onTick(up, "j2", false, true)), ["j3"]);
  assert.deepEqual(ticked(reducers.onTick(start, "j3", true, true)), ["j3"], "nothing was ticked before");
});

test("whoever takes one job out of all that match has chosen those of the page", () => {
  const every = reducers.onTickEvery(start, true);
  assert.equal(every.every, true);
  assert.equal(every.ticked.size, 5);
  const fewer = reducers.onTick(every, "j2", false, false);
  assert.deepEqual([fewer.every, ticked(fewer)], [false, ["j0", "j1", "j3", "j4"]]);
});

test("an action is for the jobs in its states only", () => {
  const all = reducers.onTickPage(start, true);
  assert.equal(reducers.countFitting(all, ["queued", "running"]), 3);
  assert.equal(reducers.countFitting(all, ["failed", "cancelled"]), 1);
  assert.equal(reducers.countFitting(start, ["queued"]), 0);
});

test("what is ticked stays so while the table changes, and what has left it is forgotten", () => {
  const chosen = reducers.onTick(reducers.onTick(start, "j1", true, false), "j2", true, false);
  const rows = [{ jobId: "new", status: "queued" }, ...ROWS.slice(2)];
  assert.deepEqual(ticked(reducers.onRows(chosen, rows)), ["j2"]);
  assert.equal(reducers.onRows(reducers.onTickEvery(start, true), rows).ticked.size, 4);
});

/**
 * Run a plan against a server of this kind. Return its end, and all that was sent.
 * @param {Partial<Plan>} plan
 * @param {(body: any, round: number) => {status?: number, data?: any, wait?: number}} change
 * @param {string[][]} [pages] the names that the server lists
 * @param {(run: Run, stop: () => void) => void} [onChange]
 */
async function play(plan, change, pages = [], onChange = () => {}) {
  const stop = new AbortController();
  /** @type {any[]} */ const sent = [];
  /** @type {any[]} */ const asked = [];
  /** @type {number[]} */ const waits = [];
  /** @type {Calls} */
  const calls = {
    list: async (query) => {
      const at = Number(query.cursor ?? 0);
      asked.push(query);
      const next = at + 1 < pages.length ? `http://x/?cursor=${at + 1}` : null;
      return { status: 200, data: { results: pages[at].map((job_id) => ({ job_id })), next } };
    },
    change: async (action, body) => {
      sent.push({ action, ...body });
      return { status: 200, data: null, ...change(body, sent.length) };
    },
    pause: async (seconds) => void waits.push(seconds),
    explain: (answer) => `${answer.status}.`,
  };
  /** @type {Plan} */
  const whole = { action: "cancel", total: null, names: null, states: ["queued", "running"], search: {}, ...plan };
  const tell = (/** @type {Run} */ run) => onChange(run, () => stop.abort());
  return { run: await runPlan(whole, calls, tell, stop.signal), sent, asked, waits };
}

const names = (/** @type {number} */ many) => Array.from({ length: many }, (_, n) => `j${n}`);
const allCancelled = (/** @type {any} */ { job_ids }) => ({ data: { cancelled: job_ids.length, unchanged: 0 } });

test("chosen jobs are sent in batches, and what was not for the action is told", async () => {
  const { run, sent } = await play({ names: names(BATCH + 20), total: BATCH + 20 }, ({ job_ids }) => ({
    data: { cancelled: job_ids.length - 4, stopping: 1, unchanged: 3, more: false },
  }));
  assert.deepEqual(
    sent.map((one) => one.job_ids.length),
    [BATCH, 20],
  );
  assert.equal(run.phase, "done");
  assert.equal(resultText(run), "512 of 520 jobs are cancelled. 2 run, and are asked to stop. 6 had ended already.");
});

test("all jobs of a search are read page by page in each state, the oldest first", async () => {
  const { run, sent, asked } = await play({ search: { prefix: "a" } }, allCancelled, [names(3), [], names(2)]);
  assert.equal(asked.length, 6);
  assert.deepEqual(
    asked.slice(2, 4).map(({ status, sort, prefix }) => [status, sort, prefix]),
    [
      ["queued", "oldest", "a"],
      ["running", "oldest", "a"],
    ],
  );
  assert.ok(!("status" in sent[0]), "what begins meanwhile is stopped");
  assert.equal(resultText(run), "10 jobs are cancelled.");
});

test("with a state in the search, jobs that have left it meanwhile are let be", async () => {
  const { sent } = await play({ states: ["queued"], search: { status: "queued" } }, allCancelled, [names(2)]);
  assert.equal(sent[0].status, "queued");
});

test("a move of all is one request, so that the jobs keep their order", async () => {
  const { run, sent } = await play({ action: "front", search: { status: "queued" }, total: 700 }, () => ({
    data: { moved: 700, unchanged: 0 },
  }));
  assert.deepEqual(sent, [{ action: "front", all: true, to: "front" }]);
  assert.equal(resultText(run), "700 jobs are at the front now.");
});

test("it waits as long as the server says, tells why, and goes on", async () => {
  /** @type {string[]} */
  const said = [];
  const { run, waits } = await play(
    { names: names(2), total: 2 },
    (body, round) => (round === 1 ? { status: 429, wait: 7 } : allCancelled(body)),
    [],
    (now) => said.push(progressText(now)),
  );
  assert.deepEqual(waits, [7]);
  assert.ok(said.includes("429. It goes on by itself."));
  assert.equal(run.changed, 2);
});

test("jobs that were out of reach are asked for again, and counted once", async () => {
  const { run, sent } = await play({ names: names(10), total: 10 }, (_, round) => ({
    data:
      round === 1
        ? { cancelled: 6, stopping: 1, unchanged: 1, more: true }
        : { cancelled: 2, stopping: 1, unchanged: 7 },
  }));
  assert.equal(sent.length, 2);
  assert.equal(resultText(run), "8 of 10 jobs are cancelled. 1 runs, and is asked to stop. 1 had ended already.");
});

test("it ends between two batches when it is stopped, and tells what was not reached", async () => {
  const { run, sent } = await play({ names: names(3 * BATCH), total: 3 * BATCH }, allCancelled, [], (now, stop) => {
    if (now.reached) stop();
  });
  assert.equal(sent.length, 1);
  assert.equal(resultText(run), "500 of 1,500 jobs are cancelled. You have stopped it. 1,000 were not reached.");
});

test("a refusal ends it, and what was done before is told", async () => {
  const { run } = await play({ names: names(2 * BATCH), total: 2 * BATCH }, (body, round) =>
    round === 1 ? allCancelled(body) : { status: 403 },
  );
  assert.equal(run.phase, "failed");
  assert.equal(resultText(run), "500 of 1,000 jobs are cancelled. 500 were not reached. 403.");
});

test("the bar says how much is done, or that nobody can tell", () => {
  const begun = reducers.beginRun("retry", 200);
  assert.equal(reducers.fractionOf(reducers.onBatch(begun, 50, [{ retried: 50, unchanged: 0 }])), 0.25);
  assert.equal(reducers.fractionOf(reducers.beginRun("retry", null)), null);
  assert.equal(progressText(begun), "Trying again: 0 of 200 jobs");
  assert.equal(chosenText(1, false), "1 is chosen");
});
