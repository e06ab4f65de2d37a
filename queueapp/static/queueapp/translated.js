// @ts-check
/** Sentences that the server sends to many pages at once, and so in English, each in the language of this page. */

import { filled, gettext } from "./i18n.js";

/** The name of a task has no spaces. Several tasks may be paused, each for its own reason. */
const OF_TASK = /Jobs of the task (\S+) are paused by staff: (.*?)(?=; Jobs of the task \S+ are paused by staff: |$)/gs;
const UNKNOWN_TASK = "Waits for a processor that has its task.";

/**
 * Return what staff have paused, and why in their own words. snapshots/pauses.py makes the sentence.
 * @param {string} sentence
 */
export function pauseText(sentence) {
  const [, all] = sentence.match(/^Paused by staff: (.*)$/s) ?? [];
  if (all !== undefined) return filled(gettext("Paused by staff: %(reason)s"), { reason: all });
  const [, own] = sentence.match(/^Your jobs are paused by staff: (.*)$/s) ?? [];
  if (own !== undefined) return filled(gettext("Your jobs are paused by staff: %(reason)s"), { reason: own });
  const ofTask = gettext("Jobs of the task %(task)s are paused by staff: %(reason)s");
  return sentence.replace(OF_TASK, (_, task, reason) => filled(ofTask, { task, reason }));
}

/**
 * Return what is known of a job that waits: the queue's note (workers/outcomes.py), or what its task said last.
 * @param {string} message
 */
export const noteText = (message) =>
  message === UNKNOWN_TASK ? gettext("Waits for a processor that has its task.") : message;
