// @ts-check
/** What the tab says. */

import assert from "node:assert/strict";
import test from "node:test";

import { iconOf, NO_NEWS, onEnded, titleOf } from "../../queueapp/static/queueapp/tab.js";

/** @typedef {import("../../queueapp/static/queueapp/api.js").Status} Status */

/** @param {Status[]} statuses */
const news = (...statuses) => statuses.reduce((sofar, status) => onEnded(sofar, { status }), NO_NEWS);

test("the title has what is new first, then what runs and waits", () => {
  assert.equal(titleOf(NO_NEWS, 0, 0), "Your queue · Turnabout");
  assert.equal(titleOf(NO_NEWS, 3, 12), "3 running · 12 waiting · Turnabout");
  assert.equal(titleOf(news("succeeded", "cancelled"), 3, 0), "(2 new) 3 running · Turnabout");
  assert.equal(titleOf(news("succeeded", "failed"), 0, 0), "(2 new, 1 failed) Your queue · Turnabout");
});

test("the icon tells of a failure before other ends, and of these before what runs", () => {
  assert.equal(iconOf(NO_NEWS, 0), "");
  assert.equal(iconOf(NO_NEWS, 1), "running");
  assert.equal(iconOf(news("succeeded", "cancelled"), 1), "new");
  assert.equal(iconOf(news("failed", "succeeded"), 1), "failed");
});
