// @ts-check
/** The rows of running jobs. */

import { formatDuration, formatElapsed, isOvertime } from "../format.js";
import { fillCommon, labelCancel } from "./row.js";

/**
 * @typedef {import("../api.js").Job} Job
 * @typedef {import("./row.js").Row} Row
 */

/**
 * @param {Row} row
 * @param {Job} job
 */
export function fillRunning(row, job) {
  fillCommon(row, job);
  const bar = /** @type {HTMLProgressElement} */ (row.parts.bar);
  if (bar.value !== job.progress) bar.value = job.progress;
  row.setAttribute("bar", "aria-label", `Progress of ${job.job_id}`);
  row.setText("percent", `${Math.floor(job.progress * 100)}%`);
  row.setText("message", job.message);
  row.setText("attempt", `attempt ${job.attempt}`);
  row.parts.attempt.hidden = job.attempt < 2;
  const stopping = job.stopping || "askedToStop" in row.element.dataset;
  row.parts.cancel.hidden = stopping;
  row.parts.stopping.hidden = !stopping;
  labelCancel(row, job);
}

/**
 * Show how long a running job has taken, and how far that exceeds its declared duration.
 * @param {Row} row
 * @param {number} spent in seconds
 * @param {number} declared in seconds
 */
export function fillTimeSpent(row, spent, declared) {
  const over = isOvertime(spent, declared);
  row.setText("spent", formatElapsed(spent));
  row.setText("over", over ? ` · ${formatDuration(Math.round(spent - declared))} over` : "");
  if (row.element.hasAttribute("data-over") !== over) row.element.toggleAttribute("data-over", over);
}
