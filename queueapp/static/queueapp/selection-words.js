// @ts-check
/** What the page says of a selection and of an action on it. pages/selection_words.py says the same without scripts. */

import { formatNumber } from "./format.js";
import { filled, gettext, ngettext } from "./i18n.js";

/**
 * @typedef {import("./selection-state.js").Action} Action
 * @typedef {import("./selection-state.js").Run} Run
 */

/**
 * Return how many jobs are chosen.
 * @param {number} many
 * @param {boolean} every all of the search are
 */
export function chosenText(many, every) {
  if (every) return gettext("All that match are chosen");
  if (!many) return "";
  return counted(ngettext("%(number)s is chosen", "%(number)s are chosen", many), many);
}

/**
 * Return the question before an action.
 * @param {Action} action
 * @param {number} many
 */
export function questionText(action, many) {
  const texts = {
    cancel: ngettext("Cancel %(number)s job?", "Cancel %(number)s jobs?", many),
    retry: ngettext("Try %(number)s job again?", "Try %(number)s jobs again?", many),
    front: ngettext("Move %(number)s job to the front?", "Move %(number)s jobs to the front?", many),
    back: ngettext("Move %(number)s job to the back?", "Move %(number)s jobs to the back?", many),
  };
  return counted(texts[action], many);
}

/**
 * Return how far an action has come.
 * @param {Run} run
 */
export function progressText(run) {
  const { action, total, reached, why } = run;
  if (run.phase === "waits") return filled(gettext("%(why)s It goes on by itself."), { why });
  if (action === "front" || action === "back") return gettext("Jobs are being moved");
  const texts = {
    cancel: gettext("Cancelling: %(reached)s of %(total)s jobs"),
    retry: gettext("Trying again: %(reached)s of %(total)s jobs"),
  };
  const open = {
    cancel: gettext("Cancelling: %(reached)s jobs so far"),
    retry: gettext("Trying again: %(reached)s jobs so far"),
  };
  const numbers = { reached: formatNumber(reached), total: formatNumber(Math.max(total ?? 0, reached)) };
  return filled(total === null ? open[action] : texts[action], numbers);
}

/**
 * Return what came of an action that is over, in sentences.
 * @param {Run} run
 */
export function resultText(run) {
  const { stopping, unchanged, reached, left } = run;
  const missed = left + (run.phase === "done" ? 0 : Math.max((run.total ?? reached) - reached - left, 0));
  const said = [changedText(run, reached + missed)];
  if (stopping) {
    const text = ngettext("%(number)s runs, and is asked to stop.", "%(number)s run, and are asked to stop.", stopping);
    said.push(counted(text, stopping));
  }
  if (unchanged) said.push(unchangedText(run.action, unchanged));
  if (run.phase === "stopped") said.push(gettext("You have stopped it."));
  if (missed) {
    said.push(counted(ngettext("%(number)s was not reached.", "%(number)s were not reached.", missed), missed));
  }
  if (run.phase === "failed") said.push(run.why);
  return said.join(" ");
}

/**
 * @param {Run} run
 * @param {number} total
 */
function changedText({ action, changed }, total) {
  if (changed !== total) {
    const parts = {
      cancel: gettext("%(number)s of %(total)s jobs are cancelled."),
      retry: gettext("%(number)s of %(total)s jobs wait again."),
      front: gettext("%(number)s of %(total)s jobs are at the front now."),
      back: gettext("%(number)s of %(total)s jobs are at the back now."),
    };
    return filled(parts[action], { number: formatNumber(changed), total: formatNumber(total) });
  }
  const texts = {
    cancel: ngettext("%(number)s job is cancelled.", "%(number)s jobs are cancelled.", changed),
    retry: ngettext("%(number)s job waits again.", "%(number)s jobs wait again.", changed),
    front: ngettext("%(number)s job is at the front now.", "%(number)s jobs are at the front now.", changed),
    back: ngettext("%(number)s job is at the back now.", "%(number)s jobs are at the back now.", changed),
  };
  return counted(texts[action], changed);
}

/**
 * @param {Action} action
 * @param {number} many
 */
function unchangedText(action, many) {
  const waits = ngettext("%(number)s does not wait in your line.", "%(number)s do not wait in your line.", many);
  const texts = {
    cancel: ngettext("%(number)s had ended already.", "%(number)s had ended already.", many),
    retry: ngettext(
      "%(number)s had neither failed nor been cancelled.",
      "%(number)s had neither failed nor been cancelled.",
      many,
    ),
    front: waits,
    back: waits,
  };
  return counted(texts[action], many);
}

/**
 * @param {string} text
 * @param {number} number
 */
const counted = (text, number) => filled(text, { number: formatNumber(number) });
