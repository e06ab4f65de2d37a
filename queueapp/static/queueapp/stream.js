// @ts-check
/**
 * The event stream of one tab, kept open until it is stopped. shared-stream.js shares one between tabs.
 *
 * EventSource reconnects by itself after a broken connection, but gives up after any answer that is not a stream. Then
 * either the session has ended or the server will be back. A request for the queue tells which.
 */

import { EVENTS, readQueue } from "./api.js";

/**
 * @typedef {"live" | "reconnecting" | "ended"} ConnectionState
 * @typedef {{name: string, data: any, id: string}} StreamEvent `id`: of the last completion so far; "" before any
 */

const FIRST_DELAY = 1000;
const LONGEST_DELAY = 20000;
/** An event comes every few seconds. A stream silent for so long (ms) is dead: a laptop slept, a proxy dropped it. */
const SILENCE_TIMEOUT = 30000;
const SILENCE_TIMEOUT_RUNNING = 10000;
/** The same while the browser has no network: then the server is asked whether it still answers. */
const SILENCE_TIMEOUT_OFFLINE = 4000;

/**
 * Follow the stream, with the completions after number `after`.
 * @param {{
 *   after: string,
 *   names: string[],
 *   onEvent: (event: StreamEvent) => void,
 *   onState: (state: ConnectionState) => void,
 *   expectsEvents: () => boolean,
 * }} options `names`: of the events. `expectsEvents`: whether the server should be sending an event every second now
 */
export function follow({ after, names, onEvent, onState, expectsEvents }) {
  /** @type {EventSource | null} */
  let source = null;
  let lastId = after;
  let delay = FIRST_DELAY;
  let lastEventAt = Date.now();
  let retryTimer = 0;
  /** @type {ConnectionState | null} */
  let current = null;
  const stopped = new AbortController();
  const { signal } = stopped;

  /** @param {ConnectionState} next */
  function setState(next) {
    if (next !== current) onState((current = next));
  }

  function open() {
    if (current === "ended" || signal.aborted) return;
    close();
    lastEventAt = Date.now();
    // A new EventSource does not know the last event id of an earlier one.
    source = new EventSource(lastId ? `${EVENTS}?after=${encodeURIComponent(lastId)}` : EVENTS);
    for (const name of names) source.addEventListener(name, receive);
    source.addEventListener("error", onError);
  }

  function close() {
    clearTimeout(retryTimer);
    source?.close();
    source = null;
  }

  /** @param {MessageEvent} event */
  function receive(event) {
    lastEventAt = Date.now();
    delay = FIRST_DELAY;
    if (event.lastEventId) lastId = event.lastEventId;
    onEvent({ name: event.type, data: JSON.parse(event.data), id: lastId });
    // Only a whole queue brings the page up to date.
    if (event.type === "queue" || event.type === "reset") setState("live");
  }

  async function onError() {
    setState("reconnecting");
    if (source?.readyState !== EventSource.CLOSED) return;
    close();
    const answer = await readQueue();
    if (signal.aborted) return;
    if (answer.status === 401 || answer.status === 403) return setState("ended");
    if (source === null) retryTimer = setTimeout(open, delay * (0.5 + Math.random()));
    delay = Math.min(delay * 2, LONGEST_DELAY);
  }

  /** Without a network a dead connection may stay open for minutes. A server on this machine still answers. */
  async function checkServer() {
    if ((await readQueue()).status === 0) open();
  }

  const watchdog = setInterval(() => {
    if (!source) return;
    const silence = Date.now() - lastEventAt;
    if (silence > (expectsEvents() ? SILENCE_TIMEOUT_RUNNING : SILENCE_TIMEOUT)) open();
    // The answer to one request is not enough: the network may serve it just before it is gone.
    else if (!navigator.onLine && current === "live" && silence > SILENCE_TIMEOUT_OFFLINE) checkServer();
  }, 2000);
  signal.addEventListener("abort", () => clearInterval(watchdog));
  addEventListener("offline", checkServer, { signal });
  addEventListener("online", () => current !== "live" && open(), { signal });

  setState("reconnecting");
  open();
  return {
    /** Close the connection for good. */
    stop() {
      close();
      stopped.abort();
    },
    /**
     * Go back to after this number: all completions that followed it come again.
     * @param {string} number
     */
    rewind(number) {
      lastId = number;
      open();
    },
  };
}
