// @ts-check
/**
 * The event stream, kept open for as long as the page lives.
 *
 * EventSource comes back by itself after a broken connection, but gives up after any answer that is not a stream:
 * then it is either the session that ended, or a server that will be back, and only asking tells which.
 */

import { EVENTS, readQueue } from "./api.js";

/** @typedef {"live" | "reconnecting" | "ended"} State */

const FIRST_DELAY = 1000;
const LONGEST_DELAY = 20000;
/** A stream that says nothing for so long (a queue comes every few seconds) is dead: a laptop slept, a proxy forgot. */
const SILENCE = 30000;
const SILENCE_WHILE_RUNNING = 10000;

/**
 * Follow the stream from the completion after number `after` on.
 * @param {{
 *   after: string,
 *   events: Record<string, (data: any) => void>,
 *   state: (state: State) => void,
 *   expectsNews: () => boolean,
 * }} options `expectsNews`: whether the server should be saying something every second now
 */
export function follow({ after, events, state, expectsNews }) {
  /** @type {EventSource | null} */
  let source = null;
  let last = after;
  let delay = FIRST_DELAY;
  let heard = Date.now();
  let retry = 0;
  /** @type {State | null} */
  let now = null;

  /** @param {State} next */
  function become(next) {
    if (next !== now) state((now = next));
  }

  function open() {
    if (now === "ended") return;
    close();
    heard = Date.now();
    // A new EventSource does not send what an earlier one saw last.
    source = new EventSource(last ? `${EVENTS}?after=${encodeURIComponent(last)}` : EVENTS);
    for (const name of Object.keys(events)) source.addEventListener(name, receive);
    source.addEventListener("error", lost);
  }

  function close() {
    clearTimeout(retry);
    source?.close();
    source = null;
  }

  /** @param {MessageEvent} event */
  function receive(event) {
    heard = Date.now();
    delay = FIRST_DELAY;
    if (event.lastEventId) last = event.lastEventId;
    events[event.type](JSON.parse(event.data));
    // Only a whole queue makes the page true again.
    if (event.type === "queue" || event.type === "reset") become("live");
  }

  async function lost() {
    become("reconnecting");
    if (source?.readyState !== EventSource.CLOSED) return;
    close();
    const answer = await readQueue();
    if (answer.status === 401 || answer.status === 403) return become("ended");
    if (source === null) retry = setTimeout(open, delay * (0.5 + Math.random()));
    delay = Math.min(delay * 2, LONGEST_DELAY);
  }

  setInterval(() => {
    if (source && Date.now() - heard > (expectsNews() ? SILENCE_WHILE_RUNNING : SILENCE)) open();
  }, 2000);
  // Without a network a connection may lie open and dead for minutes; a server on this very machine still answers.
  addEventListener("offline", async () => (await readQueue()).status === 0 && open());
  addEventListener("online", () => now !== "live" && open());
  // Let go of the connection with the page, and take it up when the page comes back from the browser's memory.
  addEventListener("pagehide", close);
  addEventListener("pageshow", (event) => event.persisted && open());

  become("reconnecting");
  open();
  return { end: () => (close(), become("ended")) };
}
