// @ts-check
/** Actions on a job that has ended: reuse it in the form, or retry it. */

import { errorMessage, readJob, retryJob } from "./api.js";
import { isolated } from "./format.js";
import { fillForm } from "./form.js";
import { filled, gettext } from "./i18n.js";
import { notify } from "./notify.js";
import { endedAt, fillFinished } from "./rows/finished.js";

/**
 * @param {import("./rows/list.js").JobList} finished
 * @param {(jobId: string, ended: number) => void} onRetried called when a job that ended at this moment waits again
 */
export function bindRetry(finished, onRetried) {
  finished.list.addEventListener("click", (event) => {
    const button = /** @type {HTMLElement} */ (event.target).closest("button");
    const row = finished.rowOf(button);
    if (!button || !row) return;
    if (button.dataset.part === "reuse") reuseJob(row);
    if (button.dataset.part === "retry") retry(row, button, onRetried);
  });
  // The event does not bubble: capture it.
  finished.list.addEventListener(
    "toggle",
    ({ target }) => onToggle(finished, /** @type {HTMLElement} */ (target)),
    true,
  );
}

/**
 * Read what the list leaves out of a large job, once the job is opened.
 * @param {import("./rows/list.js").JobList} finished
 * @param {HTMLElement} details
 */
function onToggle(finished, details) {
  const row = finished.rowOf(details);
  if (row && details.hasAttribute("open")) loadOmitted(row);
}

/**
 * Read the whole job; whether the row has it now. A job that waits again, or has ended again, is left as it is.
 * @param {import("./rows/row.js").Row} row
 */
async function loadOmitted(row) {
  if (row.parts.omitted.hidden) return true;
  const ended = endedAt(row);
  const answer = await readJob(row.element.dataset.jobId ?? "");
  if (answer.status !== 200 || Date.parse(answer.data.finished_at ?? "") !== ended) return false;
  fillFinished(row, answer.data);
  // fillFinished() shows it again if an error ends with an ellipsis of its own.
  row.parts.omitted.hidden = true;
  return true;
}

/** @param {import("./rows/row.js").Row} row */
async function reuseJob(row) {
  if (!(await loadOmitted(row)))
    return notify(gettext("This job cannot be used again now."), gettext("All of it could not be read."));
  fillForm({
    jobId: row.element.dataset.jobId ?? "",
    task: row.parts.task.textContent ?? "",
    duration: row.parts.reuse.dataset.duration ?? "",
    payload: row.parts.payload.textContent ?? "",
  });
}

/**
 * @param {import("./rows/row.js").Row} row
 * @param {HTMLElement} button
 * @param {(jobId: string, ended: number) => void} onRetried
 */
async function retry(row, button, onRetried) {
  if (button.getAttribute("aria-disabled") === "true") return;
  button.setAttribute("aria-disabled", "true");
  const jobId = row.element.dataset.jobId ?? "";
  const ended = endedAt(row);
  const answer = await retryJob(jobId);
  button.removeAttribute("aria-disabled");
  const name = isolated(jobId);
  if (answer.status !== 200)
    return notify(filled(gettext("%(name)s was not tried again."), { name }), errorMessage(answer));
  notify(filled(gettext("%(name)s waits again"), { name }), gettext("in its old place."), "many");
  onRetried(jobId, ended);
}
