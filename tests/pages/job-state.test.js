// @ts-check
/** The reducers of the page of one job. */

import assert from "node:assert/strict";
import test from "node:test";

import * as reducers from "../../queueapp/static/queueapp/job-state.js";

const job = (/** @type {object} */ more) =>
  /** @type {any} */ ({ job_id: "j1", status: "queued", position: 1, attempt: 1, stopping: false, ...more });
const queue = (/** @type {any[]} */ running, /** @type {any[]} */ waiting) => /** @type {any} */ ({ running, waiting });
const running = job({ status: "running", position: null });

test("an event that says what the page shows changes nothing", () => {
  const state = reducers.initialState("j1", "queued 1 1");
  assert.equal(reducers.onQueue(state, queue([], [job({})])), state);
  assert.equal(reducers.onQueue(state, queue([job({ job_id: "other" })], [job({})])), state);
});

test("a job that has moved, begun, or was asked to stop is read again", () => {
  const waits = reducers.initialState("j1", "queued 2 1");
  assert.ok(reducers.onQueue(waits, queue([], [job({})])).stale);
  assert.ok(reducers.onQueue(waits, queue([running], [])).stale);
  const runs = reducers.initialState("j1", "running 0 1");
  assert.equal(reducers.onQueue(runs, queue([running], [])), runs);
  assert.ok(reducers.onQueue(runs, queue([job({ ...running, stopping: true })], [])).stale);
  assert.ok(reducers.onQueue(runs, queue([], [])).stale, "it has ended, or waits for its next attempt");
});

test("a job far back in the backlog, or ended, is not missed from the first of the queue", () => {
  for (const key of ["queued 21 1", "queued 0 1", "failed 0 1"]) {
    const state = reducers.initialState("j1", key);
    assert.equal(reducers.onQueue(state, queue([], [])), state);
  }
  assert.ok(reducers.onQueue(reducers.initialState("j1", "queued 20 1"), queue([], [])).stale);
  assert.ok(reducers.onQueue(reducers.initialState("j1", "failed 0 1"), queue([], [job({})])).stale, "it was retried");
});

test("progress is shown without reading again, that of other jobs not at all", () => {
  const state = reducers.initialState("j1", "running 0 1");
  const said = { progress: 0.5, message: "half way", time_spent: 2 };
  const next = reducers.onProgress(state, /** @type {any} */ ({ jobs: [{ job_id: "j1", ...said }] }));
  assert.deepEqual(next.progressed, said);
  assert.equal(next.stale, false);
  assert.equal(reducers.onProgress(state, /** @type {any} */ ({ jobs: [{ job_id: "j2", ...said }] })), state);
});

test("a completion is read once, and a later one of the same job again", () => {
  const ended = job({ status: "failed", finished_at: "2030-01-01T00:00:00Z" });
  let state = reducers.onCompleted(reducers.initialState("j1", "running 0 1"), ended);
  assert.ok(state.stale);
  state = reducers.onRead(state, "failed 0 1");
  assert.equal(reducers.onCompleted(state, ended), state);
  assert.ok(reducers.onCompleted(state, { ...ended, finished_at: "2030-01-02T00:00:00Z" }).stale);
  assert.equal(reducers.onCompleted(state, job({ job_id: "j2" })), state);
});
