// @ts-check
/**
 * What the tab of a live page says: its title and its icon. "New" are jobs that ended while the page was out of sight.
 *
 * @typedef {{ended: number, failed: number}} News jobs that ended, and those of them that failed
 * @typedef {"running" | "new" | "failed" | ""} Icon the dot on the icon; "": none
 */

import { formatNumber, formatWaitingCount } from "./format.js";

/** @type {News} */
export const NO_NEWS = { ended: 0, failed: 0 };

/**
 * @param {News} news
 * @param {Pick<import("./api.js").Job, "status">} job that ended out of sight
 * @returns {News}
 */
export const onEnded = ({ ended, failed }, { status }) => ({
  ended: ended + 1,
  failed: failed + (status === "failed" ? 1 : 0),
});

/**
 * Return the title: what is new, then what runs and waits.
 * @param {News} news
 * @param {number} running
 * @param {number} waiting
 */
export function titleOf({ ended, failed }, running, waiting) {
  const news = [ended && `${formatNumber(ended)} new`, failed && `${formatNumber(failed)} failed`].filter(Boolean);
  const counts = [running && `${running} running`, waiting && `${formatWaitingCount(waiting)} waiting`].filter(Boolean);
  return `${news.length ? `(${news.join(", ")}) ` : ""}${counts.join(" · ") || "Your queue"} · Turnabout`;
}

/**
 * @param {News} news
 * @param {number} running
 * @returns {Icon}
 */
export const iconOf = ({ ended, failed }, running) => (failed ? "failed" : ended ? "new" : running ? "running" : "");

/**
 * Show the icon. A project whose pages have an icon of their own keeps it.
 * @param {Icon} icon
 */
export function showIcon(icon) {
  const link = /** @type {HTMLLinkElement | null} */ (document.querySelector('link[data-part="icon"]'));
  const href = new URL(icon ? `favicon-${icon}.svg` : "favicon.svg", import.meta.url).href;
  if (link && link.href !== href) link.href = href;
}
