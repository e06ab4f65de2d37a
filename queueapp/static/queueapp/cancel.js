// @ts-check
/** Cancelling a queued or running job, after a confirmation in its row. A running job is asked to stop. */

import { cancelJob, errorMessage } from "./api.js";
import { part } from "./dom.js";
import { filled, gettext } from "./i18n.js";
import { notify } from "./notify.js";

/**
 * @param {HTMLElement} list
 * @param {(jobId: string, cancelled: boolean) => void} onAnswer
 */
export function bindCancel(list, onAnswer) {
  list.addEventListener("click", (event) => {
    const button = /** @type {HTMLElement} */ (event.target).closest("button");
    const row = /** @type {HTMLElement | null} */ (button?.closest(".job") ?? null);
    if (!button || !row) return;
    if (button.dataset.part === "cancel") toggleConfirm(row, true);
    if (button.dataset.part === "no") toggleConfirm(row, false);
    if (button.dataset.part === "yes") cancel(row, button, onAnswer);
  });
  list.addEventListener("keydown", (event) => {
    const row = /** @type {HTMLElement} */ (event.target).closest(".confirming");
    if (event.key === "Escape" && row) toggleConfirm(/** @type {HTMLElement} */ (row), false);
  });
}

/**
 * @param {HTMLElement} row
 * @param {boolean} open
 */
function toggleConfirm(row, open) {
  row.classList.toggle("confirming", open);
  part("confirm", row).hidden = !open;
  // "No" takes the focus and the place of "Cancel", so pressing twice by mistake cancels nothing.
  part(open ? "no" : "cancel", row).focus();
}

/**
 * @param {HTMLElement} row
 * @param {HTMLElement} button
 * @param {(jobId: string, cancelled: boolean) => void} onAnswer
 */
async function cancel(row, button, onAnswer) {
  if (button.getAttribute("aria-disabled") === "true") return;
  button.setAttribute("aria-disabled", "true");
  const jobId = row.dataset.jobId ?? "";
  const answer = await cancelJob(jobId);
  button.removeAttribute("aria-disabled");
  if (answer.status === 200) return onAnswer(jobId, true);
  if (answer.status === 202) {
    if (row.isConnected) showStopping(row);
    const asked = filled(gettext("%(name)s was asked to stop."), { name: jobId });
    notify(asked, gettext("It tells here how it ended."), "cancelled");
    return onAnswer(jobId, false);
  }
  if (row.isConnected) toggleConfirm(row, false);
  notify(filled(gettext("%(name)s was not cancelled."), { name: jobId }), errorMessage(answer));
  onAnswer(jobId, false);
}

/**
 * Show that the job was asked to stop, until it has ended. The focus stays in the row.
 * @param {HTMLElement} row
 */
function showStopping(row) {
  const chip = row.querySelector('[data-part="stopping"]');
  if (!(chip instanceof HTMLElement)) return toggleConfirm(row, false);
  row.dataset.askedToStop = ""; // an event that is older than the answer may still come
  row.classList.remove("confirming");
  part("confirm", row).hidden = true;
  part("cancel", row).hidden = true;
  chip.hidden = false;
  chip.focus();
}
