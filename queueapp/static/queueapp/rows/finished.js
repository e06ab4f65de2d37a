// @ts-check
/** The rows of jobs that have ended. */

import { jobUrl } from "../api.js";
import { setText } from "../dom.js";
import { formatDateTime, formatDuration, formatTimeAgo, statusWord } from "../format.js";
import { filled, gettext } from "../i18n.js";
import { fillCommon } from "./row.js";

/**
 * @typedef {import("../api.js").Job} Job
 * @typedef {import("./row.js").Row} Row
 */

/** Characters of an error that lists contain, at most. */
const ERROR_LIMIT = 1024;
const NEVER = gettext("never");

/**
 * @param {Row} row
 * @param {Job} job
 */
export function fillFinished(row, job) {
  fillCommon(row, job);
  const pretty = (/** @type {unknown} */ value) => JSON.stringify(value, null, 2);
  row.setAttribute("mark", "href", `#mark-${job.status}`);
  row.setText("status", statusWord(job.status));
  row.setText("took", job.started_at ? ` · ${formatDuration(job.time_spent)}` : "");
  row.setText("spent", formatDuration(job.time_spent));
  row.setText("attempt", String(job.attempt));
  row.setText("excerpt", job.error.slice(0, ERROR_LIMIT));
  row.setBox("error", job.error);
  fillAttempts(row, job);
  row.setBox("result", job.result === null ? "" : pretty(job.result));
  row.setBox("message", job.message);
  row.setBox("payload", Object.keys(job.payload ?? {}).length ? pretty(job.payload) : "");
  row.parts.omitted.hidden = !hasOmitted(job);
  row.setAttribute("full-job", "href", jobUrl(job.job_id));
  row.setTime("submitted", job.submitted_at);
  row.setTime("started", job.started_at, NEVER);
  row.setTime("ended", job.finished_at);
  row.setAttribute("age", "datetime", job.finished_at ?? "");
  row.parts.reuse.dataset.duration = String(job.duration);
  row.parts.retry.hidden = !["failed", "cancelled"].includes(job.status);
  row.setAttribute("retry", "aria-label", filled(gettext("Try %(name)s again"), { name: job.job_id }));
}

/**
 * Whether something of the job is left out because it is large.
 * @param {Job} job
 */
function hasOmitted(job) {
  const errors = [job.error, ...job.attempts.map(({ error }) => error)];
  return (
    job.payload_omitted ||
    job.result_omitted ||
    errors.some((error) => error.length >= ERROR_LIMIT && error.endsWith("…"))
  );
}

/**
 * Show the failed attempts if they say more than the error: the only attempt of a failed job is that error.
 * @param {Row} row
 * @param {Job} job
 */
function fillAttempts(row, job) {
  row.parts["attempts-box"].hidden = job.attempts.length <= Number(job.status === "failed");
  row.parts.attempts.replaceChildren(
    ...job.attempts.map(({ attempt, time_spent, finished_at, error }) => {
      const [item, head, box] = ["li", "span", "pre"].map((name) => document.createElement(name));
      const ended = document.createElement("time");
      ended.dateTime = finished_at;
      ended.textContent = formatDateTime(new Date(finished_at));
      head.className = "number";
      head.append(`${filled(gettext("Attempt %(attempt)s"), { attempt })} · ${formatDuration(time_spent)} · `, ended);
      box.tabIndex = 0;
      box.textContent = error;
      item.append(head, box);
      return item;
    }),
  );
}

/**
 * Show the times in the server's finished rows, which are in UTC, in the reader's time zone.
 * @param {Row} row
 */
export function localizeTimes(row) {
  for (const name of ["submitted", "started", "ended"])
    row.setTime(name, row.parts[name].getAttribute("datetime") || null, NEVER);
  for (const time of row.parts.attempts.querySelectorAll("time"))
    setText(time, formatDateTime(new Date(time.dateTime)));
}

/**
 * Return when the job ended, in milliseconds.
 * @param {Row} row
 */
export const endedAt = (row) => Date.parse(row.parts.ended.getAttribute("datetime") ?? "");

/**
 * @param {Row} row
 * @param {number} now in milliseconds
 */
export function fillAge(row, now) {
  const iso = row.parts.age.getAttribute("datetime");
  if (iso) row.setText("age", formatTimeAgo(new Date(iso), now));
}
