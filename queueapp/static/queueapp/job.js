// @ts-check
/**
 * The live page of one job. Progress is written as it comes. When the job's state changes, the page is read again, and
 * its live parts take the place of the old ones: the server alone renders them.
 */

import { atMostEvery, oncePerFrame, part, setText } from "./dom.js";
import { formatElapsed, formatPercent } from "./format.js";
import { gettext } from "./i18n.js";
import * as reducers from "./job-state.js";
import { followShared } from "./shared-stream.js";
import { iconOf, NO_NEWS, onEnded, showIcon } from "./tab.js";
import { localizeTimes } from "./times.js";

const LABELS = { live: gettext("Live"), reconnecting: gettext("Reconnecting"), ended: gettext("Session ended") };
const READ_EVERY = 1000;
/** What a running job prints comes no faster. */
const READ_LOG_EVERY = 2000;
/** While the job waits, others' jobs change why and how long. */
const READ_WAIT_EVERY = 10_000;

const main = /** @type {HTMLElement} */ (document.getElementById("main"));
const connection = /** @type {HTMLElement} */ (document.querySelector('[data-testid="connection"]'));

/** @param {ParentNode} within */
const keyIn = (within) =>
  /** @type {HTMLElement | null} */ (within.querySelector('[data-live="state"]'))?.dataset.key ?? "";

let state = reducers.initialState(main.dataset.jobId ?? "", keyIn(document));

let news = NO_NEWS;

const schedule = oncePerFrame(render);
const readSoon = atMostEvery(READ_EVERY, readAgain);
const readLog = atMostEvery(READ_LOG_EVERY, readAgain);
const readWait = atMostEvery(READ_WAIT_EVERY, readAgain);

/** @param {import("./job-state.js").JobState} next */
function update(next) {
  if (next === state) return;
  state = next;
  if (state.stale) readSoon();
  schedule();
}

function render() {
  const { progressed } = state;
  if (!progressed) return;
  const bar = /** @type {HTMLProgressElement | null} */ (part("bar"));
  if (!bar) return;
  bar.value = progressed.progress;
  setText(part("percent"), formatPercent(Math.floor(progressed.progress * 100)));
  setText(part("spent"), formatElapsed(progressed.time_spent));
  setText(part("message"), progressed.message);
}

/** Read this page again, and put its live parts in the place of the old ones. After an error, the next event tries. */
async function readAgain() {
  const address = location.pathname + location.search;
  const answer = await fetch(address, { credentials: "same-origin", cache: "no-store" }).catch(() => null);
  if (!answer?.ok || answer.redirected) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const old of document.querySelectorAll("[data-live]")) {
    const name = old.getAttribute("data-live");
    const fresh = page.querySelector(`[data-live="${name}"]`);
    if (!fresh) continue;
    document.adoptNode(fresh);
    localizeTimes(fresh);
    if (!fresh.isEqualNode(old)) replace(old, fresh);
  }
  document.title = page.title;
  state = reducers.onRead(state, keyIn(document));
  renderIcon();
}

function renderIcon() {
  showIcon(iconOf(news, state.key.startsWith("running") ? 1 : 0));
}

/**
 * Put one part in the place of another. What was open stays open, and the focus stays at the same thing.
 * @param {Element} old
 * @param {Element} fresh
 */
function replace(old, fresh) {
  for (const details of old.querySelectorAll("details[id]")) {
    const twin = fresh.querySelector(`#${details.id}`);
    twin?.toggleAttribute("open", details.hasAttribute("open"));
  }
  const focused = old.contains(document.activeElement) ? document.activeElement : null;
  const path = focused && selectorOf(focused);
  const ends = [...old.querySelectorAll("details[id] pre")].map(isAtEnd);
  old.replaceWith(fresh);
  fresh.querySelectorAll("details[id] pre").forEach((text, index) => {
    if (ends[index] ?? true) text.scrollTop = text.scrollHeight;
  });
  if (!focused) return;
  const target = (path && fresh.querySelector(path)) || fresh.querySelector("h2");
  if (target instanceof HTMLElement) target.focus();
}

/**
 * Whether a text is scrolled to its end, as that of a log that grows.
 * @param {Element} text
 */
const isAtEnd = (text) => text.scrollTop + text.clientHeight >= text.scrollHeight - 4;

/**
 * Return a selector that finds the same control in a newer part; "" if there is none.
 * @param {Element} element
 */
function selectorOf(element) {
  if (element.id) return `#${element.id}`;
  const within = element.closest("details[id]");
  const value = element.getAttribute("value");
  const own = element.tagName.toLowerCase() + (value ? `[value="${value}"]` : "");
  return within ? `#${within.id} ${own}` : own;
}

/** @param {import("./stream.js").ConnectionState} next */
function onState(next) {
  connection.dataset.state = next;
  main.dataset.link = next;
  setText(part("connection"), LABELS[next]);
}

/** @param {import("./api.js").Job} job */
function onCompleted(job) {
  const before = state;
  update(reducers.onCompleted(state, job));
  if (state !== before && document.hidden) news = onEnded(news, job);
}

/** @param {import("./api.js").Queue} queue */
function onQueue(queue) {
  if (queue.user !== main.dataset.user) return stream.end();
  update(reducers.onQueue(state, queue));
}

/** @param {import("./api.js").Progress} progress */
function onProgress(progress) {
  update(reducers.onProgress(state, progress));
  if (progress.jobs.some((job) => job.job_id === state.jobId)) readLog();
}

renderIcon();
document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  news = NO_NEWS;
  renderIcon();
});

const stream = followShared({
  user: main.dataset.user ?? "",
  after: main.dataset.lastNumber ?? "",
  events: {
    queue: onQueue,
    reset: onQueue,
    progress: onProgress,
    estimates: () => {
      if (state.key.startsWith("queued")) readWait();
    },
    completed: onCompleted,
  },
  onState,
  expectsEvents: () => state.key.startsWith("running"),
  isNeededHidden: () => false,
});
