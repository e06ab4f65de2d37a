// @ts-check
/**
 * The event stream, kept open for as long as the page lives.
 *
 * EventSource reconnects by itself after a broken connection, but gives up after any answer that is not a stream. Then
 * either the session has ended or the server will be back. A request for the queue tells which.
 */

import { EVENTS, readQueue } from "./api.js";

/** @typedef {"live" | "reconnecting" | "ended"} State */

const FIRST_DELAY = 1000;
const LONGEST_DELAY = 20000;
/** A queue comes every few seconds. A stream silent for so long (ms) is dead: a laptop slept, a proxy dropped it. */
const SILENCE = 30000;
const SILENCE_WHILE_RUNNING = 10000;

/**
 * Follow the stream, with the completions after number `after`.
 * @param {{
 *   after: string,
 *   events: Record<string, (data: any) => void>,
 *   state: (state: State) => void,
 *   expectsNews: () => boolean,
 * }} options `expectsNews`: whether the server should be sending an event every second now
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
    // A new EventSource does not know the last event id of an earlier one.
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
    // Only a whole queue brings the page up to date.
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
  // Without a network a dead connection may stay open for minutes. A server on this machine still answers.
  addEventListener("offline", async () => (await readQueue()).status === 0 && open());
  addEventListener("online", () => now !== "live" && open());
  // Close the connection with the page. Open it again if the page comes back from the back/forward cache.
  addEventListener("pagehide", close);
  addEventListener("pageshow", (event) => event.persisted && open());

  become("reconnecting");
  open();
  return { end: () => (close(), become("ended")) };
}
