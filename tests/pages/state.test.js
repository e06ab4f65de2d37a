/** The reducers of the page's state, in node's own test runner: `sh tools/node/page.sh --check` starts it. */

import assert from "node:assert/strict";
import { test } from "node:test";

import * as reducers from "../../queueapp/static/queueapp/state.js";

const START = Date.parse("2025-01-01T12:00:00Z");

/** Return a moment, so many seconds after the start, as the server writes it. */
const at = (seconds) => new Date(START + seconds * 1000).toISOString();

const job = (job_id, fields = {}) => ({
  job_id,
  status: "running",
  progress: 0,
  message: "",
  time_spent: 0,
  ...fields,
});

const queue = (seconds, running, waiting = []) => ({
  time: at(seconds),
  user: "alice",
  running: running.map((given) => (typeof given === "string" ? job(given) : given)),
  waiting: waiting.map((job_id) => job(job_id, { status: "queued" })),
});

const completion = (job_id, seconds) => job(job_id, { status: "succeeded", finished_at: at(seconds) });

const ids = (jobs) => jobs.map(({ job_id }) => job_id);

/** Apply reducers one after the other. Assert that none changes the state or the event that it is given. */
function apply(state, ...steps) {
  for (const [name, ...given] of steps) {
    const before = structuredClone([state, given]);
    const next = reducers[name](state, ...given);
    assert.deepEqual([state, given], before, `${name} changed what it was given`);
    state = next;
  }
  return state;
}

const start = (...steps) => apply(reducers.initialState([]), ...steps);

/** The page as it is after the first queue, which came when `performance.now()` was 1000. */
const live = (...steps) => start(["onQueue", queue(0, ["a"], ["b"]), 1000], ["onConnection", "live", 1000], ...steps);

test("a queue replaces the one before", () => {
  const { queue: shown } = live(["onQueue", queue(1, ["b"], ["c"]), 2000]);
  assert.deepEqual([ids(shown.running), ids(shown.waiting)], [["b"], ["c"]]);
});

test("a queue that is older than the one on the page changes nothing", () => {
  const state = live(["onQueue", queue(1, ["b"]), 2000]);
  assert.equal(reducers.onQueue(state, queue(0.5, ["a"]), 2100), state);
});

test("a queue says since when the time spent of its running jobs is true", () => {
  const state = live(["onQueue", queue(1, ["b"]), 2000]);
  assert.deepEqual([...state.spentAt], [["b", START + 1000]]);
});

test("progress changes the running job, and no other", () => {
  const news = { job_id: "a", progress: 0.5, message: "half", time_spent: 2 };
  const state = live(["onProgress", { time: at(2), jobs: [news, { ...news, job_id: "unknown" }] }, 3000]);
  assert.deepEqual(state.queue.running, [{ ...job("a"), ...news }]);
  assert.deepEqual([...state.spentAt], [["a", START + 2000]]);
  assert.deepEqual(ids(state.queue.waiting), ["b"]);
});

test("progress that is older than the job on the page is ignored", () => {
  const running = job("a", { progress: 0.5, time_spent: 2 });
  const old = { job_id: "a", progress: 0.2, message: "", time_spent: 1 };
  const state = live(["onQueue", queue(2, [running]), 3000], ["onProgress", { time: at(1), jobs: [old] }, 3000]);
  assert.deepEqual(state.queue.running, [running]);
  assert.equal(state.spentAt.get("a"), START + 2000);
});

test("progress before the first queue only sets the clock", () => {
  const state = start(["onProgress", { time: at(1), jobs: [job("a")] }, 500]);
  assert.equal(state.queue, null);
  assert.equal(state.clock.ahead, START + 500);
});

test("a completed job leaves the lists and is to be rendered as finished, once", () => {
  const completed = completion("a", 1);
  const state = live(["onCompleted", completed, 2000]);
  assert.deepEqual([ids(state.queue.running), ids(state.queue.waiting)], [[], ["b"]]);
  assert.deepEqual(state.newlyEnded, [completed]);
  assert.equal(state.spentAt.has("a"), false);
  assert.deepEqual(apply(state, ["onRendered"]).newlyEnded, []);
});

test("a completion that comes twice changes nothing", () => {
  const state = live(["onCompleted", completion("a", 1), 2000], ["onRendered"]);
  assert.equal(reducers.onCompleted(state, completion("a", 1), 2500), state);
});

test("a completion that the server has rendered changes nothing", () => {
  const state = reducers.initialState([["a", START]]);
  assert.equal(reducers.onCompleted(state, completion("a", 0), 1000), state);
});

test("completions before the first queue are kept", () => {
  const state = start(["onCompleted", completion("a", 0), 900], ["onCompleted", completion("b", 0.1), 900]);
  assert.deepEqual(ids(state.newlyEnded), ["a", "b"]);
});

test("a queue soon after a completion does not bring the job back", () => {
  const state = live(["onCompleted", completion("a", 1), 2000], ["onQueue", queue(2.9, ["a"], ["b"]), 3900]);
  assert.deepEqual([ids(state.queue.running), ids(state.queue.waiting)], [[], ["b"]]);
  assert.deepEqual([...state.retried], []);
});

test("a queue that lists the job later shows that it was retried", () => {
  const rendered = live(["onCompleted", completion("a", 1), 2000], ["onRendered"]);
  const state = apply(rendered, ["onQueue", queue(3.1, [], ["b", "a"]), 4100]);
  assert.deepEqual(ids(state.queue.waiting), ["b", "a"]);
  assert.deepEqual([...state.retried], ["a"]);
  assert.equal(state.ended.has("a"), false);
});

test("a queue that lists a job that the server rendered as finished shows that it was retried", () => {
  const state = apply(reducers.initialState([["a", START]]), ["onQueue", queue(0, ["a"]), 1000]);
  assert.deepEqual(ids(state.queue.running), ["a"]);
  assert.deepEqual([...state.retried], ["a"]);
});

test("a job that ends and is retried between two frames is not rendered as finished", () => {
  const state = live(["onCompleted", completion("a", 1), 2000], ["onQueue", queue(9, ["a"]), 10_000]);
  assert.deepEqual([state.newlyEnded, [...state.retried]], [[], ["a"]]);
});

test("a job that is retried and ends between two frames stays rendered as finished", () => {
  const rendered = live(["onCompleted", completion("a", 1), 2000], ["onRendered"]);
  const state = apply(rendered, ["onQueue", queue(9, ["a"]), 10_000], ["onCompleted", completion("a", 9.5), 10_500]);
  assert.deepEqual([ids(state.newlyEnded), [...state.retried]], [["a"], []]);
  assert.deepEqual(ids(state.queue.running), []);
});

test("a retry on this page takes the job off the finished ones", () => {
  const state = live(["onCompleted", completion("a", 1), 2000], ["onRendered"], ["onRetried", "a", START + 1000]);
  assert.deepEqual([...state.retried], ["a"]);
  const next = apply(state, ["onRendered"], ["onQueue", queue(1.5, ["a"]), 2500]);
  assert.deepEqual([ids(next.queue.running), [...next.retried]], [["a"], []]);
});

test("the answer to a retry that has already ended again changes nothing", () => {
  const state = live(["onCompleted", completion("a", 1), 2000], ["onCompleted", completion("a", 2), 3000]);
  assert.equal(reducers.onRetried(state, "a", START + 1000), state);
});

test("a job cancelled here is known as such until its completion", () => {
  const state = live(["onCancelled", "b"]);
  assert.deepEqual([...state.cancelledHere], ["b"]);
  assert.deepEqual([...apply(state, ["onCompleted", completion("b", 1), 2000]).cancelledHere], []);
});

test("the server's clock runs while the connection is live, and is never behind an event", () => {
  const state = live();
  assert.equal(reducers.serverTime(state, 1500), START + 500);
  const late = apply(state, ["onQueue", queue(1, []), 2500]);
  assert.equal(reducers.serverTime(late, 2500), START + 1500);
  const early = apply(state, ["onProgress", { time: at(2), jobs: [] }, 2500]);
  assert.equal(reducers.serverTime(early, 2500), START + 2000);
});

test("the server's clock stands while the connection is down, then follows the newest queue", () => {
  const down = live(["onConnection", "reconnecting", 2000]);
  assert.equal(reducers.serverTime(down, 60_000), START + 1000);
  // After a sleep of the machine, `performance.now()` has moved on by 62 s and the server's clock by 1 s.
  const up = apply(down, ["onQueue", queue(2, []), 64_000], ["onConnection", "live", 64_000]);
  assert.equal(reducers.serverTime(up, 64_000), START + 2000);
});

test("only so many completions are kept in mind, the newest ones", () => {
  let state = live();
  for (let number = 0; number < 2100; number++) {
    state = reducers.onCompleted(state, completion(`job-${number}`, number), 2000);
    if (number % 100 === 0) state = reducers.onRendered(state);
  }
  assert.equal(state.ended.size, 2000);
  assert.equal(state.ended.has("job-99"), false);
  assert.equal(state.ended.has("job-2099"), true);
});

test("a completion from while the stream was down ends a job that a queue read meanwhile lists", () => {
  const state = live(
    ["onConnection", "reconnecting", 2000],
    ["onQueue", queue(10, ["a"], ["b"]), 11000], // read by an action of the user, not from the stream
    ["onCompleted", completion("a", 11), 13000],
  );
  assert.deepEqual(ids(state.queue.running), []);
  assert.deepEqual(ids(state.newlyEnded), ["a"]);
});

const estimates = (seconds, fields = {}) => ({
  time: at(seconds),
  processors: { alive: 4, busy: 2, starting: 0 },
  shares: [],
  starts: [
    [10, 1],
    [20, 3],
  ],
  pace: 0.5,
  ranges: [],
  held: null,
  behind: 0,
  ...fields,
});

/** A page whose waiting jobs have these tags. */
const tagged = (tags, share = { weight: 1, cap: null, active: true, owed: 0.5, flows: 2, flow: "alice" }) => [
  "onQueue",
  {
    ...queue(0, [], Object.keys(tags)),
    waiting: Object.entries(tags).map(([job_id, tag]) =>
      job(job_id, { status: "queued", tag, estimated_start: at(9) }),
    ),
    waiting_count: Object.keys(tags).length,
    share,
  },
  1000,
];

test("estimates move the starts of jobs by their tags, and leave the others", () => {
  const tags = { early: 5, first: 10, between: 15, last: 20, beyond: 30, capped: null };
  const { queue: shown } = start(tagged(tags), ["onEstimates", estimates(2), 2000]);
  const starts = shown.waiting.map((one) => Date.parse(one.estimated_start) / 1000 - START / 1000);
  assert.deepEqual(starts, [3, 3, 4, 5, 10, 9]);
  assert.deepEqual(shown.processors, { alive: 4, busy: 2, starting: 0 });
});

test("a job that is retried at once comes back though no other queue follows the one that listed it", () => {
  const retried = (...steps) =>
    live(
      ["onCompleted", completion("a", 1), 2000],
      ["onQueue", queue(1.5, [], ["a", "b"]), 2500], // older than the completion, or is "a" retried?
      ...steps,
    );
  assert.deepEqual(ids(retried().queue.waiting), ["b"]);
  assert.deepEqual(ids(retried(["onEstimates", estimates(2), 3000]).queue.waiting), ["b"]);
  assert.deepEqual(ids(retried(["onEstimates", estimates(4, { behind: 2 }), 5000]).queue.waiting), ["b"]);
  const other = ["onCompleted", completion("b", 1.6), 2600];
  const back = retried(["onEstimates", estimates(2), 3000], other, ["onEstimates", estimates(4), 5000]);
  assert.deepEqual(ids(back.queue.waiting), ["a"]);
  assert.deepEqual([...back.retried], ["a"]);
  const gone = retried(["onQueue", queue(2, [], ["b"]), 3000], ["onEstimates", estimates(4), 5000]);
  assert.deepEqual(ids(gone.queue.waiting), ["b"]);
});

test("starts have the range of their distance, which a queue that follows keeps", () => {
  const ranges = [
    [1, 0.5, 2],
    [4, 1, 3],
  ];
  const told = ["onEstimates", estimates(2, { ranges, held: 0.8 }), 2000];
  const tags = { soon: 10, later: 30, capped: null };
  const seconds = ({ range }) =>
    range && [range.earliest, range.latest].map((moment) => (Date.parse(moment) - START) / 1000);
  const { waiting } = start(tagged(tags), told).queue;
  assert.deepEqual(waiting.map(seconds), [[2.5, 4], [10, 26], undefined]);
  assert.equal(waiting[0].range.held, 0.8);
  const followed = start(tagged(tags), told, tagged(tags)).queue.waiting;
  assert.deepEqual(followed.map(seconds), [[9, 27], [9, 27], undefined]);
  const unknown = start(tagged({ a: 10 }), ["onEstimates", estimates(2, { ranges: [[4, 1, 3]] }), 2000]);
  assert.equal(unknown.queue.waiting[0].range, null);
});

test("without a job ahead of it, a job with a tag starts now", () => {
  const { queue: shown } = start(tagged({ a: 5 }), ["onEstimates", estimates(2, { starts: [] }), 2000]);
  assert.equal(shown.waiting[0].estimated_start, at(2));
});

test("the share is that of the same terms, unless the user's jobs are paused", () => {
  const shares = [
    { weight: 1, cap: null, active: false, owed: 0.2, flows: 5 },
    { weight: 1, cap: null, active: true, owed: 0.25, flows: 4 },
  ];
  const told = ["onEstimates", estimates(2, { shares }), 2000];
  const owed = (state) => [state.queue.share.owed, state.queue.share.flows, state.queue.share.flow];
  assert.deepEqual(owed(start(tagged({ a: 5 }), told)), [0.25, 4, "alice"]);
  const paused = { weight: 1, cap: null, active: true, owed: 0, flows: 2, flow: "alice" };
  assert.deepEqual(owed(start(tagged({ a: 5 }, paused), told)), [0, 2, "alice"]);
  const other = { weight: 3, cap: null, active: true, owed: 0.6, flows: 2, flow: "alice" };
  assert.deepEqual(owed(start(tagged({ a: 5 }, other), told)), [0.6, 2, "alice"]);
});

test("a page says by how much it is behind: the server's delay, or its own silence while jobs are there", () => {
  const busy = start(tagged({ a: 5 }), ["onConnection", "live", 1000]);
  assert.equal(reducers.delay(busy, 3900), 0);
  assert.equal(reducers.delay(busy, 5000), 4);
  const heard = apply(busy, ["onEstimates", estimates(4), 5000]);
  assert.equal(reducers.delay(heard, 5100), 0);
  const late = apply(busy, ["onEstimates", estimates(4, { behind: 7.5 }), 5000]);
  assert.equal(reducers.delay(late, 5100), 7.5);
  assert.equal(reducers.delay(apply(late, ["onConnection", "reconnecting", 5200]), 60000), 0);
  const idle = start(tagged({}), ["onConnection", "live", 1000]);
  assert.equal(reducers.delay(idle, 60000), 0);
});

test("a queue of an event keeps the jobs behind its own that an earlier one had", () => {
  const ids_of = (from, to) => Array.from({ length: to - from }, (_, n) => `j${from + n}`);
  const whole = { ...queue(0, [], ids_of(0, 30)), waiting_count: 30 };
  const shown = (...events) => ids(start(...events.map((event, n) => ["onQueue", event, 1000 + n])).queue.waiting);
  const event = (waiting, waiting_count) => ({ ...queue(1, [], waiting), waiting_count });
  assert.deepEqual(shown(whole, event(ids_of(2, 22), 28)), ids_of(2, 30), "two have started");
  assert.deepEqual(shown(whole, event(ids_of(0, 20), 25)), ids_of(0, 25), "as many as there are");
  assert.deepEqual(shown(whole, event(ids_of(28, 30), 2)), ids_of(28, 30));
  assert.deepEqual(shown(whole, event(ids_of(40, 60), 50)), ids_of(40, 60), "none of them is known");
  assert.deepEqual(shown(whole, event([], 0)), []);
});
