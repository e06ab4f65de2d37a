// @ts-check
/** Numbers, durations and moments in plain words. pages/humanize.py has those of the first render. */

import { filled, gettext, language, locale, ngettext } from "./i18n.js";

const MINUTE = 60;
const HOUR = 3600;
const DAY = 86400;

const NUMBER = new Intl.NumberFormat(language);
const DECIMAL = new Intl.NumberFormat(language, { maximumFractionDigits: 1 });
const ONE_DECIMAL = new Intl.NumberFormat(language, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const PERCENT = [0, 1].map(
  (digits) => new Intl.NumberFormat(language, { style: "percent", minimumFractionDigits: digits }),
);
const WEIGHT = new Intl.NumberFormat(language, { maximumSignificantDigits: 6, useGrouping: false });

/** @param {number} value */
export const formatNumber = (value) => NUMBER.format(value);

/**
 * @param {number} value from 0 to 100
 * @param {0 | 1} [digits] after the point
 */
export const formatPercent = (value, digits = 0) => PERCENT[digits].format(value / 100);

/** The states of a job, as words. @type {Record<string, string>} */
const STATUSES = {
  queued: gettext("queued"),
  running: gettext("running"),
  succeeded: gettext("succeeded"),
  failed: gettext("failed"),
  cancelled: gettext("cancelled"),
};

/** @param {string} status */
export const statusWord = (status) => STATUSES[status] ?? status;

/**
 * Return a job's name for a sentence. One of another script is isolated, so that it does not turn the words around it.
 * @param {string} name
 */
export const isolated = (name) => (/^[ -~]*$/.test(name) ? name : `\u2068${name}\u2069`);

/**
 * Return a duration in words: "40 ms", "7.5 s", "4 min 5 s", "2 h 5 min", "3 d 4 h".
 * @param {number} value in seconds
 */
export function formatDuration(value) {
  if (value > 0 && value < 0.001) return gettext("under 1 ms");
  if (value < 0.1) return filled(gettext("%(number)s ms"), { number: Math.round(value * 1000) });
  if (Math.round(value * 10) / 10 >= MINUTE) return formatLong(value);
  return filled(gettext("%(number)s s"), { number: DECIMAL.format(Number(value.toFixed(1))) });
}

/**
 * The same for a number that grows on the page. Below a minute it has one decimal, so that the text keeps its width.
 * @param {number} value in seconds
 */
export function formatElapsed(value) {
  if (value >= MINUTE) return formatLong(value);
  return filled(gettext("%(number)s s"), { number: ONE_DECIMAL.format(Math.floor(value * 10) / 10) });
}

/** @param {number} value in seconds, at least a minute */
function formatLong(value) {
  const whole = Math.round(value);
  const [days, hours] = [Math.floor(whole / DAY), Math.floor((whole % DAY) / HOUR)];
  const [minutes, seconds] = [Math.floor((whole % HOUR) / MINUTE), whole % MINUTE];
  if (days && hours) return filled(gettext("%(days)s d %(hours)s h"), { days, hours });
  if (days) return filled(gettext("%(number)s d"), { number: days });
  if (hours && minutes) return filled(gettext("%(hours)s h %(minutes)s min"), { hours, minutes });
  if (hours) return filled(gettext("%(number)s h"), { number: hours });
  if (seconds) return filled(gettext("%(minutes)s min %(seconds)s s"), { minutes, seconds });
  return filled(gettext("%(number)s min"), { number: minutes });
}

/** @typedef {{number: number, unit: "s" | "min" | "h" | "day"}} Amount of time, no more exact than an estimate */

/**
 * @param {number} value in seconds, at least one
 * @returns {Amount}
 */
function amountOf(value) {
  if (value < 10) return { number: Math.round(value), unit: "s" };
  if (value < 58) return { number: Math.round(value / 2) * 2, unit: "s" };
  if (value >= DAY * 0.95) return { number: Math.max(Math.round(value / DAY), 1), unit: "day" };
  if (value >= HOUR * 0.95) return { number: Math.max(Math.round(value / HOUR), 1), unit: "h" };
  return { number: Math.max(Math.round(value / MINUTE), 1), unit: "min" };
}

/** @param {Amount} amount as it follows "in" or "within" */
function amountText({ number, unit }) {
  if (unit === "s") return filled(gettext("%(number)s s"), { number });
  if (unit === "min") return filled(gettext("%(number)s min"), { number });
  if (unit === "h") return filled(gettext("%(number)s h"), { number });
  return filled(ngettext("%(number)s day", "%(number)s days", number), { number });
}

/**
 * Return the time until something begins, no more exact than an estimate: "any moment", "in about 12 s".
 * @param {number} value in seconds
 */
export function formatTimeUntil(value) {
  if (value < 1) return gettext("any moment");
  return filled(gettext("in about %(amount)s"), { amount: amountText(amountOf(value)) });
}

/**
 * Return the range of times until something begins: "in 10 to 20 s", "in 50 s to 2 min", or as formatTimeUntil.
 * @param {number} earliest in seconds
 * @param {number} latest
 */
export function formatRangeUntil(earliest, latest) {
  if (latest < 1) return formatTimeUntil(latest);
  const [from, to] = [amountOf(earliest), amountOf(latest)];
  const last = amountText(to);
  if (earliest < 1) return filled(gettext("within %(amount)s"), { amount: last });
  if (amountText(from) === last) return formatTimeUntil(latest);
  const first = from.unit === to.unit ? String(from.number) : amountText(from);
  return filled(gettext("in %(first)s to %(last)s"), { first, last });
}

/**
 * Return how long ago something was: "just now", "20 s ago", "3 min ago", "5 h ago", "2 days ago", else the date.
 * @param {Date} moment
 * @param {number} now in milliseconds
 */
export function formatTimeAgo(moment, now) {
  const value = (now - moment.getTime()) / 1000;
  const whole = (/** @type {number} */ unit) => Math.floor(value / unit);
  if (value < 10) return gettext("just now");
  if (value < MINUTE) return filled(gettext("%(number)s s ago"), { number: whole(10) * 10 });
  if (value < HOUR) return filled(gettext("%(number)s min ago"), { number: whole(MINUTE) });
  if (value < DAY) return filled(gettext("%(number)s h ago"), { number: whole(HOUR) });
  if (value >= 7 * DAY) return DATE.format(moment);
  return filled(ngettext("%(number)s day ago", "%(number)s days ago", whole(DAY)), { number: whole(DAY) });
}

const DATE = new Intl.DateTimeFormat(locale, { day: "numeric", month: "short", year: "numeric" });
const CLOCK = new Intl.DateTimeFormat(locale, { hour: "numeric", minute: "2-digit", second: "2-digit" });
/** @type {Intl.DateTimeFormatOptions} */
const TO_THE_SECOND = { day: "numeric", month: "short", hour: "numeric", minute: "2-digit", second: "2-digit" };
const EXACT = new Intl.DateTimeFormat(locale, TO_THE_SECOND);
const EXACT_OF_ANOTHER_YEAR = new Intl.DateTimeFormat(locale, { ...TO_THE_SECOND, year: "numeric" });

/** @param {Date} moment */
export const formatClock = (moment) => CLOCK.format(moment);

/**
 * Return the day and the time to the second, with the year if it is not this one.
 * @param {Date} moment
 */
export const formatDateTime = (moment) =>
  (moment.getFullYear() === new Date().getFullYear() ? EXACT : EXACT_OF_ANOTHER_YEAR).format(moment);

const MINUTES = new Intl.DateTimeFormat(locale, { hour: "numeric", minute: "2-digit" });
const DAYS = new Intl.DateTimeFormat(locale, { day: "numeric", month: "short" });

/**
 * Return a moment for the axis of a chart, or a clock: with seconds, to the minute, or as a day.
 * @param {Date} moment
 * @param {string} kind time, minute or day
 */
export const formatTick = (moment, kind) =>
  (kind === "day" ? DAYS : kind === "minute" ? MINUTES : CLOCK).format(moment);

/**
 * Return a share of the processors as turns: "every turn", "1 of 4 turns", "37% of the turns".
 * @param {number} owed from 0 to 1
 * @param {number} flows
 */
export function formatTurns(owed, flows) {
  if (owed > 0.9995) return gettext("every turn");
  for (const whole of [flows, 2, 3, 4, 5, 6, 7, 8, 9, 10]) {
    const part = Math.round(owed * whole);
    if (part > 0 && part < whole && Math.abs(part / whole - owed) < 0.0001)
      return filled(gettext("%(part)s of %(whole)s turns"), { part, whole: formatNumber(whole) });
  }
  const digits = owed >= 0.1 ? 0 : 1;
  const percent = formatPercent(Number((owed * 100).toFixed(digits)), digits);
  return filled(gettext("%(percent)s of the turns"), { percent });
}

/**
 * Return a sentence: the share that the user's flow is owed, and when its next turn comes.
 * @param {import("./api.js").Share} share
 * @param {string} user
 * @param {boolean} active if not: the user has no job, so the share is that of the next one
 * @param {number | null} [nextTurn] in seconds; null: nothing waits, or nobody can tell
 */
export function shareSentence(share, user, active, nextTurn = null) {
  const { owed, weight, flow, cap } = share;
  if (owed === 0) return gettext("No turns while paused");
  const turns = formatTurns(owed, share.flows);
  let said = filled(active ? gettext("Your share now: %(turns)s") : gettext("Your next job gets %(turns)s"), { turns });
  if (weight !== 1) said += filled(gettext(", by weight %(weight)s"), { weight: WEIGHT.format(weight) });
  if (flow !== user) said += filled(gettext(", together with %(flow)s"), { flow });
  if (cap !== null) said += filled(gettext(", at most %(cap)s at once"), { cap });
  if (nextTurn !== null) said += filled(gettext("; next turn %(soon)s"), { soon: formatTimeUntil(nextTurn) });
  return said;
}

/**
 * Return a sentence: how many processors there are, how many are busy, with the user's jobs, and starting.
 * @param {number} alive
 * @param {number} busy
 * @param {number} mine
 * @param {number} starting
 */
export function processorsSentence(alive, busy, mine, starting) {
  const counted = (/** @type {string} */ text, /** @type {number} */ number) =>
    filled(text, { number: formatNumber(number) });
  let said = gettext("No processor is alive");
  if (alive) {
    said = counted(ngettext("%(number)s processor", "%(number)s processors", alive), alive);
    said += busy ? counted(gettext(", %(number)s busy"), busy) : ngettext(", free", ", all free", alive);
    if (busy && mine) said += counted(gettext(", %(number)s with your jobs"), mine);
  }
  const text = alive
    ? ngettext("; %(number)s more is starting", "; %(number)s more are starting", starting)
    : ngettext("; %(number)s is starting", "; %(number)s are starting", starting);
  return starting ? said + counted(text, starting) : said;
}

/**
 * Whether a job takes longer than declared, by more than 2% plus half a second. Most jobs take a little longer.
 * @param {number} spent
 * @param {number} declared
 */
export const isOvertime = (spent, declared) => spent > declared * 1.02 + 0.5;

/**
 * Return how many jobs wait. Above 10,000 the server stops counting.
 * @param {number} value
 */
export const formatWaitingCount = (value) => (value > 10000 ? `${formatNumber(10000)}+` : formatNumber(value));
