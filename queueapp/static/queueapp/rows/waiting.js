// @ts-check
/** The rows of waiting jobs. */

import { formatDateTime, formatTimeUntil } from "../format.js";
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
}

/**
 * Show when a job is expected to start, and the moment before which it does not.
 * @param {Row} row
 * @param {Job} job
 * @param {number} now in milliseconds
 */
export function fillEstimatedStart(row, job, now) {
  row.setText("starts", job.estimated_start ? formatTimeUntil((Date.parse(job.estimated_start) - now) / 1000) : "");
  const due = job.run_at ? new Date(job.run_at) : null;
  row.setText("due", due && due.getTime() > now ? `not before ${formatDateTime(due)}` : "");
}
