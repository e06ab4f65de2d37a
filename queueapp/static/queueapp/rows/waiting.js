// @ts-check
/** The rows of waiting jobs. */

import { formatDateTime, formatPercent, formatRangeUntil, formatTimeUntil } from "../format.js";
import { filled, gettext } from "../i18n.js";
import { noteText } from "../translated.js";
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
  const attempt = filled(gettext("attempt %(attempt)s"), { attempt: job.attempt });
  row.setText("attempt", job.attempt > 1 ? ` · ${attempt}` : "");
  row.setText("note", noteText(job.message));
  labelCancel(row, job);
  if (!row.parts.move) return;
  row.parts.move.hidden = job.position === null;
  row.setAttribute("front", "aria-label", filled(gettext("Move %(name)s to the front"), { name: job.job_id }));
  row.setAttribute("back", "aria-label", filled(gettext("Move %(name)s to the back"), { name: job.job_id }));
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
  const held = (/** @type {number} */ share) =>
    filled(gettext("%(percent)s of the last such estimates held"), { percent: formatPercent(Math.round(share * 100)) });
  row.setAttribute("starts", "title", range?.held == null ? "" : held(range.held));
  const due = job.run_at ? new Date(job.run_at) : null;
  const isLater = due && due.getTime() > now;
  row.setText("due", isLater ? filled(gettext("not before %(moment)s"), { moment: formatDateTime(due) }) : "");
}
