// @ts-check
/** The rows of running jobs. */

import { formatDuration, formatElapsed, formatPercent, isOvertime } from "../format.js";
import { filled, gettext } from "../i18n.js";
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
  row.setAttribute("bar", "aria-label", filled(gettext("Progress of %(name)s"), { name: job.job_id }));
  row.setText("percent", formatPercent(Math.floor(job.progress * 100)));
  row.setText("message", job.message);
  row.setText("attempt", filled(gettext("attempt %(attempt)s"), { attempt: job.attempt }));
  row.parts.attempt.hidden = job.attempt < 2;
  const stopping = job.stopping || "askedToStop" in row.element.dataset;
  row.parts.cancel.hidden = stopping;
  row.parts.stopping.hidden = !stopping;
  labelCancel(row, job);
}

/** @param {number} seconds that a job takes longer than declared */
const excess = (seconds) => filled(gettext("%(time)s over"), { time: formatDuration(Math.round(seconds)) });

/**
 * Show how long a running job has taken, and how far that exceeds its declared duration.
 * @param {Row} row
 * @param {number} spent in seconds
 * @param {number} declared in seconds
 */
export function fillTimeSpent(row, spent, declared) {
  const over = isOvertime(spent, declared);
  row.setText("spent", formatElapsed(spent));
  row.setText("over", over ? ` · ${excess(spent - declared)}` : "");
  if (row.element.hasAttribute("data-over") !== over) row.element.toggleAttribute("data-over", over);
}
