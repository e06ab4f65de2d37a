// @ts-check
/** Cancelling a queued or running job, after a confirmation in its row. A running job is asked to stop. */

import { cancelJob, reason } from "./api.js";
import { say } from "./notify.js";
import { part } from "./rows.js";

/**
 * @param {HTMLElement} list
 * @param {(jobId: string, done: boolean) => void} after
 */
export function allowCancelling(list, after) {
  list.addEventListener("click", (event) => {
    const button = /** @type {HTMLElement} */ (event.target).closest("button");
    const row = /** @type {HTMLElement | null} */ (button?.closest(".job") ?? null);
    if (!button || !row) return;
    if (button.dataset.part === "cancel") ask(row, true);
    if (button.dataset.part === "no") ask(row, false);
    if (button.dataset.part === "yes") confirmed(row, button, after);
  });
  list.addEventListener("keydown", (event) => {
    const row = /** @type {HTMLElement} */ (event.target).closest(".confirming");
    if (event.key === "Escape" && row) ask(/** @type {HTMLElement} */ (row), false);
  });
}

/**
 * @param {HTMLElement} row
 * @param {boolean} open
 */
function ask(row, open) {
  row.classList.toggle("confirming", open);
  part("confirm", row).hidden = !open;
  // "No" takes the focus and the place of "Cancel", so pressing twice by mistake cancels nothing.
  part(open ? "no" : "cancel", row).focus();
}

/**
 * @param {HTMLElement} row
 * @param {HTMLElement} button
 * @param {(jobId: string, done: boolean) => void} after
 */
async function confirmed(row, button, after) {
  if (button.getAttribute("aria-disabled") === "true") return;
  button.setAttribute("aria-disabled", "true");
  const jobId = row.dataset.jobId ?? "";
  const answer = await cancelJob(jobId);
  button.removeAttribute("aria-disabled");
  if (answer.status === 200) return after(jobId, true);
  if (answer.status === 202) {
    if (row.isConnected) stopping(row);
    say(`${jobId} was asked to stop.`, "It tells here how it ended.", "cancelled");
    return after(jobId, false);
  }
  if (row.isConnected) ask(row, false);
  say(`${jobId} was not cancelled.`, reason(answer));
  after(jobId, false);
}

/**
 * Show that the job was asked to stop, until it has ended. The focus stays in the row.
 * @param {HTMLElement} row
 */
function stopping(row) {
  const chip = row.querySelector('[data-part="stopping"]');
  if (!(chip instanceof HTMLElement)) return ask(row, false);
  row.classList.remove("confirming");
  part("confirm", row).hidden = true;
  part("cancel", row).hidden = true;
  chip.hidden = false;
  chip.focus();
}
