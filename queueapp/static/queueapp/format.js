// @ts-check
/** Numbers, durations and moments in plain words. pages/humanize.py has those of the first render. */

const MINUTE = 60;
const HOUR = 3600;
const DAY = 86400;

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
  if (value > 0 && value < 0.001) return "under 1 ms";
  if (value < 0.1) return `${Math.round(value * 1000)} ms`;
  if (Math.round(value * 10) / 10 < MINUTE) return `${value.toFixed(1).replace(/\.0$/, "")} s`;
  return formatLong(value);
}

/**
 * The same for a number that grows on the page. Below a minute it has one decimal, so that the text keeps its width.
 * @param {number} value in seconds
 */
export function formatElapsed(value) {
  return value < MINUTE ? `${(Math.floor(value * 10) / 10).toFixed(1)} s` : formatLong(value);
}

/** @param {number} value in seconds, at least a minute */
function formatLong(value) {
  const whole = Math.round(value);
  /** @type {[number, string, number, string]} */
  const [unit, name, part, partName] =
    whole >= DAY ? [DAY, "d", HOUR, "h"] : whole >= HOUR ? [HOUR, "h", MINUTE, "min"] : [MINUTE, "min", 1, "s"];
  const rest = Math.floor((whole % unit) / part);
  return `${Math.floor(whole / unit)} ${name}${rest ? ` ${rest} ${partName}` : ""}`;
}

/**
 * Return the time until something begins, no more exact than an estimate: "any moment", "in about 12 s".
 * @param {number} value in seconds
 */
export function formatTimeUntil(value) {
  if (value < 1) return "any moment";
  if (value < 10) return `in about ${Math.round(value)} s`;
  if (value < 58) return `in about ${Math.round(value / 2) * 2} s`;
  /** @type {[number, string, string]} */
  const [unit, one, many] =
    value >= DAY * 0.95 ? [DAY, "day", "days"] : value >= HOUR * 0.95 ? [HOUR, "h", "h"] : [MINUTE, "min", "min"];
  const number = Math.max(Math.round(value / unit), 1);
  return `in about ${number} ${number === 1 ? one : many}`;
}

/**
 * Return the range of times until something begins: "in 10 to 20 s", "in 50 s to 2 min", or as formatTimeUntil.
 * @param {number} earliest in seconds
 * @param {number} latest
 */
export function formatRangeUntil(earliest, latest) {
  const [from, to] = [earliest, latest].map((value) => formatTimeUntil(value).replace("in about ", ""));
  if (from === to || latest < 1) return formatTimeUntil(latest);
  if (earliest < 1) return `within ${to}`;
  const [number, unit] = from.split(" ");
  return `in ${to.endsWith(unit) ? number : from} to ${to}`;
}

/**
 * Return how long ago something was: "just now", "20 s ago", "3 min ago", "5 h ago", "2 days ago", else the date.
 * @param {Date} moment
 * @param {number} now in milliseconds
 */
export function formatTimeAgo(moment, now) {
  const value = (now - moment.getTime()) / 1000;
  if (value < 10) return "just now";
  if (value < MINUTE) return `${Math.floor(value / 10) * 10} s ago`;
  if (value < HOUR) return `${Math.floor(value / MINUTE)} min ago`;
  if (value < DAY) return `${Math.floor(value / HOUR)} h ago`;
  if (value < 2 * DAY) return "1 day ago";
  if (value < 7 * DAY) return `${Math.floor(value / DAY)} days ago`;
  return DATE.format(moment);
}

const DATE = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", year: "numeric" });
const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "numeric", minute: "2-digit", second: "2-digit" });
/** @type {Intl.DateTimeFormatOptions} */
const TO_THE_SECOND = { day: "numeric", month: "short", hour: "numeric", minute: "2-digit", second: "2-digit" };
const EXACT = new Intl.DateTimeFormat(undefined, TO_THE_SECOND);
const EXACT_OF_ANOTHER_YEAR = new Intl.DateTimeFormat(undefined, { ...TO_THE_SECOND, year: "numeric" });

/** @param {Date} moment */
export const formatClock = (moment) => CLOCK.format(moment);

/**
 * Return the day and the time to the second, with the year if it is not this one.
 * @param {Date} moment
 */
export const formatDateTime = (moment) =>
  (moment.getFullYear() === new Date().getFullYear() ? EXACT : EXACT_OF_ANOTHER_YEAR).format(moment);

const MINUTES = new Intl.DateTimeFormat(undefined, { hour: "numeric", minute: "2-digit" });
const DAYS = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });

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
  if (owed > 0.9995) return "every turn";
  for (const whole of [flows, 2, 3, 4, 5, 6, 7, 8, 9, 10]) {
    const part = Math.round(owed * whole);
    if (part > 0 && part < whole && Math.abs(part / whole - owed) < 0.0001)
      return `${part} of ${formatNumber(whole)} turns`;
  }
  return `${(owed * 100).toFixed(owed >= 0.1 ? 0 : 1)}% of the turns`;
}

/**
 * Return a sentence: the share that the user's flow is owed, and when its next turn comes.
 * @param {import("./api.js").Share} share
 * @param {string} user
 * @param {boolean} active if not: the user has no job, so the share is that of the next one
 * @param {number | null} [nextTurn] in seconds; null: nothing waits, or nobody can tell
 */
export function shareSentence(share, user, active, nextTurn = null) {
  if (share.owed === 0) return "No turns while paused";
  let said = (active ? "Your share now: " : "Your next job gets ") + formatTurns(share.owed, share.flows);
  if (share.weight !== 1) said += `, by weight ${Number(share.weight.toPrecision(6))}`;
  if (share.flow !== user) said += `, together with ${share.flow}`;
  if (share.cap !== null) said += `, at most ${share.cap} at once`;
  return nextTurn === null ? said : `${said}; next turn ${formatTimeUntil(nextTurn)}`;
}

/**
 * Return a sentence: how many processors there are, how many are busy, with the user's jobs, and starting.
 * @param {number} alive
 * @param {number} busy
 * @param {number} mine
 * @param {number} starting
 */
export function processorsSentence(alive, busy, mine, starting) {
  let said = "No processor is alive";
  if (alive) {
    said = `${formatNumber(alive)} processor${alive === 1 ? "" : "s"}`;
    said += busy ? `, ${formatNumber(busy)} busy` : `, ${alive === 1 ? "free" : "all free"}`;
    if (busy && mine) said += `, ${formatNumber(mine)} with your jobs`;
  }
  if (starting) said += `; ${formatNumber(starting)}${alive ? " more" : ""} ${starting === 1 ? "is" : "are"} starting`;
  return said;
}

/**
 * Whether a job takes longer than declared, by more than 2% plus half a second. Most jobs take a little longer.
 * @param {number} spent
 * @param {number} declared
 */
export const isOvertime = (spent, declared) => spent > declared * 1.02 + 0.5;

/** @param {number} value */
export const formatNumber = (value) => value.toLocaleString("en");

/**
 * Return how many jobs wait. Above 10,000 the server stops counting.
 * @param {number} value
 */
export const formatWaitingCount = (value) => (value > 10000 ? "10,000+" : formatNumber(value));
