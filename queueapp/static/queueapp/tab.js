// @ts-check
/**
 * What the tab of a live page says: its title and its icon. "New" are jobs that ended while the page was out of sight.
 *
 * @typedef {{ended: number, failed: number}} News jobs that ended, and those of them that failed
 * @typedef {"running" | "new" | "failed" | ""} Icon the dot on the icon; "": none
 */

import { formatNumber, formatWaitingCount } from "./format.js";
import { filled, gettext, ngettext } from "./i18n.js";

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

/** What is counted, in words. @type {Record<string, (number: number) => string>} */
const COUNTED = {
  new: (number) => ngettext("%(number)s new", "%(number)s new", number),
  failed: (number) => ngettext("%(number)s failed", "%(number)s failed", number),
  running: (number) => ngettext("%(number)s running", "%(number)s running", number),
  waiting: (number) => ngettext("%(number)s waiting", "%(number)s waiting", number),
};

/**
 * @param {string} kind
 * @param {number} number
 * @param {string} [count] the number in words
 */
const counted = (kind, number, count = formatNumber(number)) =>
  number ? [filled(COUNTED[kind](number), { number: count })] : [];

/**
 * Return the title: what is new, then what runs and waits.
 * @param {News} news
 * @param {number} running
 * @param {number} waiting
 */
export function titleOf({ ended, failed }, running, waiting) {
  const news = [...counted("new", ended), ...counted("failed", failed)];
  const counts = [
    ...counted("running", running, String(running)),
    ...counted("waiting", waiting, formatWaitingCount(waiting)),
  ];
  return `${news.length ? `(${news.join(", ")}) ` : ""}${counts.join(" · ") || gettext("Your queue")} · Turnabout`;
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
