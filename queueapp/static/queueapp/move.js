// @ts-check
/** Moving a queued job to the front or the back of its owner's own flow. The queue that follows shows where it is. */

import { errorMessage, moveJob } from "./api.js";
import { filled, gettext } from "./i18n.js";
import { notify } from "./notify.js";

/**
 * @param {HTMLElement} list
 * @param {() => void} onMoved
 */
export function bindMove(list, onMoved) {
  list.addEventListener("click", (event) => {
    const button = /** @type {HTMLElement} */ (event.target).closest("button");
    const row = /** @type {HTMLElement | null} */ (button?.closest(".job") ?? null);
    const to = button?.dataset.part;
    if (button && row && (to === "front" || to === "back")) move(row.dataset.jobId ?? "", to, button, onMoved);
  });
}

/**
 * @param {string} jobId
 * @param {"front" | "back"} to
 * @param {HTMLElement} button
 * @param {() => void} onMoved
 */
async function move(jobId, to, button, onMoved) {
  if (button.getAttribute("aria-disabled") === "true") return;
  button.setAttribute("aria-disabled", "true");
  const answer = await moveJob(jobId, to);
  button.removeAttribute("aria-disabled");
  if (answer.status !== 200) notify(filled(gettext("%(name)s was not moved."), { name: jobId }), errorMessage(answer));
  onMoved();
}
