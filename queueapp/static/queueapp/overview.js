// @ts-check
/** The overview above the lists: connection, processors, share. */

import { part, setText } from "./dom.js";
import { LIVE_WAITING, MAX_LISTED } from "./state.js";
import { formatClock, formatWaitingCount, processorsSentence, shareSentence } from "./format.js";
import { filled, gettext, ngettext } from "./i18n.js";
import { pauseText } from "./translated.js";

/** @typedef {import("./api.js").Queue} Queue */

/** More processors than this are counted, not drawn. */
const MAX_DOTS = 16;
const LABELS = { live: gettext("Live"), reconnecting: gettext("Reconnecting"), ended: gettext("Session ended") };

const main = /** @type {HTMLElement} */ (document.getElementById("main"));
const connection = /** @type {HTMLElement} */ (document.querySelector('[data-testid="connection"]'));
const share = /** @type {HTMLElement} */ (document.querySelector('[data-testid="share"]'));
const dots = part("dots");
const shareBar = part("share-bar");
let staleTimer = 0;

/**
 * @param {Queue} queue
 */
export function showOverview(queue) {
  const { alive, busy, starting } = queue.processors;
  const mine = queue.running.length;
  setText(part("processors"), processorsSentence(alive, busy, mine, starting));
  drawDots(alive, busy, mine);
  part("fleet-banner").hidden = alive > 0;
  part("paused").hidden = !queue.paused;
  setText(part("paused"), pauseText(queue.paused ?? ""));
  setText(part("running-count"), String(mine));
  setText(part("waiting-count"), formatWaitingCount(queue.waiting_count));
  const listed = Math.min(queue.waiting_count, MAX_LISTED);
  const note = ngettext("the first %(number)s is listed", "the first %(number)s are listed", listed);
  setText(part("waiting-note"), queue.waiting_count > listed ? filled(note, { number: listed }) : "");
  part("waiting-more").hidden = queue.waiting_count <= LIVE_WAITING;
}

/**
 * Show the user's share and the time until the next turn, which shrinks every second.
 * @param {Queue} queue
 * @param {number} now in milliseconds
 */
export function showShare(queue, now) {
  const active = queue.running.length + queue.waiting_count > 0;
  const starts = queue.waiting.flatMap((job) => (job.estimated_start ? [Date.parse(job.estimated_start)] : []));
  const nextTurn = starts.length ? (Math.min(...starts) - now) / 1000 : null;
  setText(share, shareSentence(queue.share, queue.user ?? queue.key ?? "", active, nextTurn));
  shareBar.setAttribute("width", `${queue.share.owed * 100}%`);
}

/**
 * @param {number} alive
 * @param {number} busy
 * @param {number} mine
 */
function drawDots(alive, busy, mine) {
  const wanted = alive <= MAX_DOTS ? alive : 0;
  while (dots.childElementCount > wanted) dots.lastElementChild?.remove();
  while (dots.childElementCount < wanted) dots.append(document.createElement("i"));
  [...dots.children].forEach((dot, index) => {
    const kind = index < mine ? "mine" : index < busy ? "busy" : "free";
    if (dot.getAttribute("data-is") !== kind) dot.setAttribute("data-is", kind);
  });
}

/**
 * @param {import("./stream.js").ConnectionState} state
 * @param {Date | null} asOf the moment of the queue on the page; null: no event has come yet
 */
export function showConnection(state, asOf) {
  connection.dataset.state = state;
  main.dataset.link = state;
  setText(part("connection"), state === "reconnecting" && !asOf ? gettext("Connecting") : LABELS[state]);
  clearTimeout(staleTimer);
  const stale = part("stale-banner");
  stale.hidden = true;
  if (state !== "reconnecting") return;
  // A break of a second or two needs no banner.
  staleTimer = setTimeout(() => {
    const shown = asOf ?? new Date(part("stale-time").getAttribute("datetime") ?? "");
    setText(part("stale-time"), formatClock(shown));
    stale.hidden = false;
  }, 2500);
}

/**
 * Show by how many seconds the page is behind while the stream is up; 0: it is not.
 * @param {number} seconds
 */
export function showDelay(seconds) {
  if (connection.dataset.state !== "live") return;
  main.toggleAttribute("data-late", seconds > 0);
  const behind = filled(gettext("%(number)s s behind"), { number: Math.round(seconds) });
  setText(part("connection"), seconds ? behind : LABELS.live);
}

/**
 * Show that the stream has ended for good.
 * @param {string} why
 * @param {string} [link] the text of a link to the page, instead of the one to log in
 */
export function showEnded(why, link) {
  const anchor = /** @type {HTMLAnchorElement} */ (part("ended-link"));
  setText(part("ended-text"), why);
  if (link) {
    setText(anchor, link);
    anchor.href = "/";
  }
  part("ended-banner").hidden = false;
}
