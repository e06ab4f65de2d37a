// @ts-check
/** The rows of waiting jobs. */

import { formatDateTime, formatRangeUntil, formatTimeUntil } from "../format.js";
import { fillCommon, labelCancel } from "./row.js";

/**
 * @typedef {import("../api.js").Job} Job
 * @typedef {import("./row.js").Row} Row
 */

/**
 * @param {Row} row
 * @param {Job} job
 */
export function fillWaiting(row, job) {
  fillCommon(row, job);
  row.setText("position", job.position === null ? "–" : String(job.position));
  row.setText("attempt", job.attempt > 1 ? ` · attempt ${job.attempt}` : "");
  row.setText("note", job.message);
  labelCancel(row, job);
  if (!row.parts.move) return;
  row.parts.move.hidden = job.position === null;
  row.setAttribute("front", "aria-label", `Move ${job.job_id} to the front`);
  row.setAttribute("back", "aria-label", `Move ${job.job_id} to the back`);
}

/**
 * Show when a job is expected to start, and the moment before which it does not.
 * @param {Row} row
 * @param {Job} job
 * @param {number} now in milliseconds
 */
export function fillEstimatedStart(row, job, now) {
  const until = (/** @type {string} */ moment) => (Date.parse(moment) - now) / 1000;
  const { estimated_start: start, range } = job;
  if (range) row.setText("starts", formatRangeUntil(until(range.earliest), until(range.latest)));
  else row.setText("starts", start ? formatTimeUntil(until(start)) : "");
  const held = range?.held == null ? "" : `${Math.round(range.held * 100)}% of the last such estimates held`;
  row.setAttribute("starts", "title", held);
  const due = job.run_at ? new Date(job.run_at) : null;
  row.setText("due", due && due.getTime() > now ? `not before ${formatDateTime(due)}` : "");
}
