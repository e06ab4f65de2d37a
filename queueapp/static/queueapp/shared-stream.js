// @ts-check
/**
 * One event stream for all tabs of a browser. HTTP/1.1 allows six connections to a host: with a stream for each tab, the
 * seventh tab, and all requests, would wait for ever.
 *
 * The tab that holds a lock of the browser (Web Locks) is the leader. It follows the stream and passes each event on
 * (BroadcastChannel). When it closes, the browser gives the lock to another tab. A tab that has been out of sight for
 * minutes follows nothing, unless it is to notify. Without these interfaces, as over plain HTTP from another machine,
 * each tab has a stream of its own.
 */

import { follow } from "./stream.js";

/**
 * @typedef {import("./stream.js").ConnectionState} ConnectionState
 * @typedef {import("./stream.js").StreamEvent} StreamEvent
 * @typedef {{kind: "join", tab: string, after: number}
 *   | {kind: "welcome", tab: string, state: ConnectionState, events: StreamEvent[]}
 *   | {kind: "event", event: StreamEvent}
 *   | {kind: "state", state: ConnectionState}
 *   | {kind: "beat"}} Message
 *   `join`: a tab asks for the state and for the completions after a number. `beat`: the leader is there.
 */

/** Completions that a leader keeps for tabs that join, at most. */
const KEPT = 500;
const BEAT_EVERY = 4000;
/** A leader that is silent for so long (ms) is stuck: another tab takes its place. */
const LEADER_TIMEOUT = 13000;
/** Milliseconds out of sight after which a tab follows nothing. */
const HIDDEN_LIMIT = 300000;

/**
 * Follow the stream, with the completions after number `after`, together with the user's other tabs.
 * @param {{
 *   user: string,
 *   after: string,
 *   events: Record<string, (data: any) => void>,
 *   onState: (state: ConnectionState) => void,
 *   expectsEvents: () => boolean,
 *   isNeededHidden: () => boolean,
 * }} options `expectsEvents`: whether the server should be sending an event every second now. `isNeededHidden`: whether
 *   this tab is to hear of completions however long it is out of sight
 */
export function followShared({ user, after, events, onState, expectsEvents, isNeededHidden }) {
  const tab = Math.random().toString(36).slice(2);
  const name = `turnabout.stream.${user}`;
  const canShare = "locks" in navigator && "BroadcastChannel" in window;
  let lastId = after;
  /** @type {ReturnType<typeof follow> | null} */
  let stream = null;
  /** @type {BroadcastChannel | null} */
  let channel = null;
  /** @type {AbortController | null} */
  let asking = null;
  let release = () => {};
  let heardAt = 0;
  let welcomed = false;
  let hiddenSince = document.hidden ? Date.now() : 0;
  let over = false;
  /* As a leader: the connection, the newest queue, and the completions after number `from`. */
  /** @type {ConnectionState} */
  let state = "reconnecting";
  /** @type {StreamEvent | null} */
  let queue = null;
  /** @type {StreamEvent[]} */
  let kept = [];
  let from = 0;

  /** @param {Message} message */
  const post = (message) => channel?.postMessage(message);

  /** @param {ConnectionState} next */
  function setState(next) {
    onState((state = next));
    if (stream) post({ kind: "state", state });
    if (next !== "ended") return;
    over = true;
    leave();
  }

  /** @param {StreamEvent} event */
  function deliver(event) {
    if (event.id) lastId = event.id;
    if (!over) events[event.name](event.data);
  }

  /** @param {StreamEvent} event */
  function lead(event) {
    if (event.name === "completed") {
      kept.push(event);
      if (kept.length > KEPT) from = Number(kept.shift()?.id);
    } else if (event.name === "queue" || event.name === "reset") queue = { ...event, name: "queue" };
    if (event.name === "reset") [kept, from] = [[], Number(event.id)];
    post({ kind: "event", event });
    deliver(event);
  }

  function open() {
    [kept, from, queue] = [[], Number(lastId), null];
    stream = follow({ after: lastId, names: Object.keys(events), onEvent: lead, onState: setState, expectsEvents });
  }

  /** @param {{tab: string, after: number}} asked */
  function welcome(asked) {
    if (asked.after < from) {
      from = asked.after;
      kept = [];
      stream?.rewind(String(asked.after)); // what comes twice changes nothing
    }
    const missed = kept.filter((event) => Number(event.id) > asked.after);
    post({ kind: "welcome", tab: asked.tab, state, events: queue ? [queue, ...missed] : missed });
  }

  /** @param {Message} message */
  function hear(message) {
    if (stream) return message.kind === "join" ? welcome(message) : undefined;
    if (message.kind === "join" || (message.kind === "welcome" && message.tab !== tab)) return;
    heardAt = Date.now();
    if (message.kind === "welcome") {
      welcomed = true;
      message.events.forEach(deliver);
    } else if (!welcomed) return introduce(); // the leader that was asked has gone
    if (message.kind === "event") deliver(message.event);
    if (message.kind === "welcome" || message.kind === "state") setState(message.state);
  }

  function introduce() {
    post({ kind: "join", tab, after: Number(lastId) });
  }

  /** @param {{steal?: boolean}} [how] */
  function ask(how = {}) {
    asking?.abort();
    asking = new AbortController();
    heardAt = Date.now();
    const mine = asking;
    navigator.locks
      .request(name, how.steal ? { steal: true } : { signal: mine.signal }, () => {
        if (mine !== asking) return;
        open();
        return new Promise((/** @type {(value?: undefined) => void} */ done) => (release = done));
      })
      // Another tab has taken the lock, as this one was silent, or the question was withdrawn.
      .catch(() => mine === asking && step());
  }

  /** Stop leading, and go on as one of the others. */
  function step() {
    stream?.stop();
    stream = null;
    welcomed = true; // it has heard all so far
    ask();
  }

  function join() {
    if (over || channel || stream) return;
    if (!canShare) return open();
    onState("reconnecting");
    channel = new BroadcastChannel(name);
    channel.onmessage = ({ data }) => hear(data);
    welcomed = false;
    introduce();
    ask();
  }

  function leave() {
    asking?.abort();
    asking = null;
    stream?.stop();
    stream = null;
    channel?.close();
    channel = null;
    release();
  }

  setInterval(() => {
    const hiddenFor = hiddenSince ? Date.now() - hiddenSince : 0;
    if (hiddenFor > HIDDEN_LIMIT && !isNeededHidden()) return leave();
    if (stream) post({ kind: "beat" });
    else if (channel && !document.hidden && Date.now() - heardAt > LEADER_TIMEOUT) ask({ steal: true });
  }, BEAT_EVERY);
  document.addEventListener("visibilitychange", () => {
    hiddenSince = document.hidden ? Date.now() : 0;
    if (!document.hidden) join();
  });
  // Leave with the page. Come back if the page comes back from the back/forward cache.
  addEventListener("pagehide", leave);
  addEventListener("pageshow", (event) => event.persisted && join());

  join();
  return {
    /** Follow nothing any more. */
    end() {
      setState("ended");
    },
  };
}
