// @ts-check
/** What can be done with a job that ended: used again in the form, or tried again. */

import { reason, retryJob } from "./api.js";
import { reuse } from "./form.js";
import { say } from "./notify.js";

/**
 * @param {import("./rows.js").JobList} finished
 * @param {(jobId: string, ended: number) => void} waits called when a job waits again that had ended at this moment
 */
export function allowAgain(finished, waits) {
  finished.list.addEventListener("click", (event) => {
    const button = /** @type {HTMLElement} */ (event.target).closest("button");
    const row = finished.rows.get(/** @type {HTMLElement | null} */ (button?.closest(".job"))?.dataset.jobId ?? "");
    if (!button || !row) return;
    if (button.dataset.part === "reuse") useAgain(row);
    if (button.dataset.part === "retry") tryAgain(row, button, waits);
  });
}

/** @param {import("./rows.js").Row} row */
function useAgain(row) {
  reuse({
    jobId: row.element.dataset.jobId ?? "",
    task: row.parts.task.textContent ?? "",
    duration: row.parts.reuse.dataset.duration ?? "",
    payload: row.parts.payload.textContent ?? "",
  });
}

/**
 * @param {import("./rows.js").Row} row
 * @param {HTMLElement} button
 * @param {(jobId: string, ended: number) => void} waits
 */
async function tryAgain(row, button, waits) {
  if (button.getAttribute("aria-disabled") === "true") return;
  button.setAttribute("aria-disabled", "true");
  const jobId = row.element.dataset.jobId ?? "";
  const ended = Date.parse(row.parts.ended.getAttribute("datetime") ?? "");
  const answer = await retryJob(jobId);
  button.removeAttribute("aria-disabled");
  if (answer.status !== 200) return say(`${jobId} was not tried again.`, reason(answer));
  say(`${jobId} waits again`, "in its old place.", "many");
  waits(jobId, ended);
}
