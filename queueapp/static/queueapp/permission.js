// @ts-check
/** Whether, and of which ends, this browser notifies the user while a page is out of sight. Kept in the browser. */

import { load, save } from "./storage.js";

/** @typedef {"all" | "failed" | "no"} Choice `failed`: of failures only */

const IS_ON = "notify";
const ENDS = "notify.ends";

export const isSupported = "Notification" in globalThis && globalThis.isSecureContext;

/** Whether the browser shows none, whatever is chosen here: the user has blocked them in its settings. */
export const isBlocked = () => !isSupported || Notification.permission === "denied";

/**
 * Return what this browser tells of at present.
 * @returns {Choice}
 */
export function chosen() {
  if (!isSupported || Notification.permission !== "granted" || load(IS_ON) === "no") return "no";
  return lastEnds();
}

/** Return what it told of when it last did; at first of all ends. */
export const lastEnds = () => (load(ENDS) === "failed" ? "failed" : "all");

/**
 * Keep a choice. Ask the user for the permission if there is none yet.
 * @param {Choice} choice
 */
export async function choose(choice) {
  if (choice !== "no" && Notification.permission === "default") await Notification.requestPermission();
  save(IS_ON, choice === "no" ? "no" : "yes");
  if (choice !== "no") save(ENDS, choice);
}

/**
 * Whether the browser tells of a job that ended like this.
 * @param {Choice} choice
 * @param {string} status
 */
export const tells = (choice, status) => choice === "all" || (choice === "failed" && status === "failed");
