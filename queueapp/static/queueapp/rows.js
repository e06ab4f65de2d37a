// @ts-check
/**
 * The rows of the three lists. A row is made once, from the template that also made the server's rows. Later only the
 * texts that changed are written. Everything that comes from a user is set as text, never as HTML.
 */

import { jobAddress } from "./api.js";
import { ago, exactTime, isOver, seconds, soon, ticking } from "./format.js";

/** @typedef {import("./api.js").Job} Job */

const SHOWN = 10;
const KEPT = 200;
/** Characters of an error that lists contain, at most. */
const CUT = 1024;

/**
 * @param {Element | null | undefined} element
 * @param {string} text
 */
export function write(element, text) {
  if (element && element.textContent !== text) element.textContent = text;
}

/**
 * Return the element with this data-part.
 * @param {string} name
 * @param {ParentNode} [within]
 * @returns {HTMLElement}
 */
export function part(name, within = document) {
  return /** @type {HTMLElement} */ (within.querySelector(`[data-part="${name}"]`));
}

export class Row {
  /** @param {HTMLElement} element */
  constructor(element) {
    this.element = element;
    /** @type {Record<string, HTMLElement>} */
    this.parts = {};
    for (const named of /** @type {NodeListOf<HTMLElement>} */ (element.querySelectorAll("[data-part]"))) {
      this.parts[named.dataset.part ?? ""] = named;
    }
  }

  /**
   * @param {string} name
   * @param {string} text
   */
  write(name, text) {
    write(this.parts[name], text);
  }

  /**
   * @param {string} name
   * @param {string} attribute
   * @param {string} value
   */
  set(name, attribute, value) {
    const element = this.parts[name];
    if (element.getAttribute(attribute) !== value) element.setAttribute(attribute, value);
  }

  /**
   * Show a box only if it has text.
   * @param {string} name
   * @param {string} text
   */
  box(name, text) {
    this.parts[`${name}-box`].hidden = text === "";
    this.write(name, text);
  }

  /**
   * @param {string} name
   * @param {string | null} iso
   * @param {string} otherwise
   */
  moment(name, iso, otherwise = "") {
    this.set(name, "datetime", iso ?? "");
    this.write(name, iso ? exactTime(new Date(iso)) : otherwise);
  }
}

/** A list with one row per job. */
export class JobList {
  /**
   * @param {string} kind running, waiting or finished
   * @param {(row: Row, job: Job) => void} fill
   */
  constructor(kind, fill) {
    this.fill = fill;
    this.list = /** @type {HTMLElement} */ (document.querySelector(`[data-testid="${kind}"]`));
    this.heading = /** @type {HTMLElement} */ (document.getElementById(`${kind}-title`));
    this.template = /** @type {HTMLTemplateElement} */ (document.getElementById(`${kind}-row`));
    this.unfold = /** @type {HTMLElement | null} */ (document.querySelector(`[data-part="${kind}-unfold"]`));
    /** @type {Map<string, Row>} */
    this.rows = new Map();
    for (const element of this.list.children) {
      const row = new Row(/** @type {HTMLElement} */ (element));
      this.rows.set(row.element.dataset.jobId ?? "", row);
    }
    this.list.addEventListener("animationend", ({ target, animationName }) => {
      const last = kind === "finished" ? "glow" : "arrive";
      if (animationName === last) /** @type {Element} */ (target).classList.remove("is-new");
    });
    this.unfold?.addEventListener("click", () => {
      this.list.toggleAttribute("data-folded");
      this.labelUnfold();
    });
  }

  /**
   * Show these jobs and no others, in this order.
   * @param {Job[]} jobs
   */
  show(jobs) {
    const wanted = new Set(jobs.map((job) => job.job_id));
    for (const [id, row] of this.rows) if (!wanted.has(id)) this.drop(id, row);
    let at = this.list.firstElementChild;
    for (const job of jobs) {
      const { element } = this.filled(job);
      if (element === at) at = at.nextElementSibling;
      else this.list.insertBefore(element, at);
    }
    this.labelUnfold();
  }

  /**
   * Put these jobs on top, the last one first, and drop the oldest beyond KEPT.
   * @param {Job[]} jobs
   */
  prepend(jobs) {
    const newest = jobs.slice(-KEPT);
    for (const job of newest) this.list.prepend(this.filled(job).element);
    while (this.rows.size > KEPT) {
      const oldest = /** @type {HTMLElement} */ (this.list.lastElementChild);
      this.drop(oldest.dataset.jobId ?? "", /** @type {Row} */ (this.rows.get(oldest.dataset.jobId ?? "")));
    }
    this.labelUnfold();
  }

  /** @param {Job} job */
  filled(job) {
    let row = this.rows.get(job.job_id);
    if (!row) {
      const copy = /** @type {DocumentFragment} */ (this.template.content.cloneNode(true));
      row = new Row(/** @type {HTMLElement} */ (copy.firstElementChild));
      row.element.dataset.jobId = job.job_id;
      row.element.classList.add("is-new");
      this.rows.set(job.job_id, row);
    }
    if (row.element.dataset.status !== job.status) row.element.dataset.status = job.status;
    this.fill(row, job);
    return row;
  }

  /**
   * Remove a row. If it had the focus, a neighbour gets it: keyboard users must not be sent back to the top.
   * @param {string} id
   * @param {Row} row
   */
  drop(id, row) {
    const { element } = row;
    const focused = element.contains(document.activeElement);
    const heir = element.nextElementSibling ?? element.previousElementSibling;
    this.rows.delete(id);
    element.remove();
    if (!focused) return;
    const target = /** @type {HTMLElement | null | undefined} */ (heir?.querySelector("button, summary"));
    (target ?? this.heading).focus();
  }

  labelUnfold() {
    if (!this.unfold) return;
    const many = this.rows.size;
    const folded = this.list.hasAttribute("data-folded");
    this.unfold.hidden = many <= SHOWN;
    this.unfold.setAttribute("aria-expanded", String(!folded));
    write(this.unfold, folded ? `Show all ${many}` : `Show the first ${SHOWN} only`);
  }
}

/**
 * @param {Row} row
 * @param {Job} job
 */
function fillName(row, job) {
  row.write("id", job.job_id);
  row.write("task", job.task);
  row.write("declared", seconds(job.duration));
}

/**
 * @param {Row} row
 * @param {Job} job
 */
export function fillRunning(row, job) {
  fillName(row, job);
  const bar = /** @type {HTMLProgressElement} */ (row.parts.bar);
  if (bar.value !== job.progress) bar.value = job.progress;
  row.set("bar", "aria-label", `Progress of ${job.job_id}`);
  row.write("percent", `${Math.floor(job.progress * 100)}%`);
  row.write("message", job.message);
  row.write("attempt", `attempt ${job.attempt}`);
  row.parts.attempt.hidden = job.attempt < 2;
  row.parts.cancel.hidden = job.stopping;
  row.parts.stopping.hidden = !job.stopping;
  labelCancel(row, job);
}

/**
 * @param {Row} row
 * @param {Job} job
 */
function labelCancel(row, job) {
  row.set("cancel", "aria-label", `Cancel ${job.job_id}`);
  row.set("confirm", "aria-label", `Cancel ${job.job_id}?`);
}

/**
 * Show how long a running job has taken, and how far that exceeds its declared duration.
 * @param {Row} row
 * @param {number} spent in seconds
 * @param {number} declared in seconds
 */
export function fillSpent(row, spent, declared) {
  const over = isOver(spent, declared);
  row.write("spent", ticking(spent));
  row.write("over", over ? ` · ${seconds(Math.round(spent - declared))} over` : "");
  if (row.element.hasAttribute("data-over") !== over) row.element.toggleAttribute("data-over", over);
}

/**
 * @param {Row} row
 * @param {Job} job
 */
export function fillWaiting(row, job) {
  fillName(row, job);
  row.write("position", job.position === null ? "–" : String(job.position));
  row.write("again", job.attempt > 1 ? ` · attempt ${job.attempt}` : "");
  row.write("note", job.message);
  labelCancel(row, job);
}

/**
 * Show when a job is expected to start, and the moment before which it does not.
 * @param {Row} row
 * @param {Job} job
 * @param {number} now in milliseconds
 */
export function fillStart(row, job, now) {
  row.write("starts", job.estimated_start ? soon((Date.parse(job.estimated_start) - now) / 1000) : "");
  const due = job.run_at ? new Date(job.run_at) : null;
  row.write("due", due && due.getTime() > now ? `not before ${exactTime(due)}` : "");
}

/**
 * @param {Row} row
 * @param {Job} job
 */
export function fillFinished(row, job) {
  fillName(row, job);
  const pretty = (/** @type {unknown} */ value) => JSON.stringify(value, null, 2);
  row.set("mark", "href", `#mark-${job.status}`);
  row.write("status", job.status);
  row.write("took", job.started_at ? ` · ${seconds(job.time_spent)}` : "");
  row.write("spent", seconds(job.time_spent));
  row.write("attempt", String(job.attempt));
  row.write("excerpt", job.error.slice(0, CUT));
  row.box("error", job.error);
  fillAttempts(row, job);
  row.box("result", job.result === null ? "" : pretty(job.result));
  row.box("message", job.message);
  row.box("payload", Object.keys(job.payload ?? {}).length ? pretty(job.payload) : "");
  row.parts.large.hidden = !isCut(job);
  row.set("whole", "href", jobAddress(job.job_id));
  row.moment("submitted", job.submitted_at);
  row.moment("started", job.started_at, "never");
  row.moment("ended", job.finished_at);
  row.set("when", "datetime", job.finished_at ?? "");
  row.parts.reuse.dataset.duration = String(job.duration);
  row.parts.retry.hidden = !["failed", "cancelled"].includes(job.status);
  row.set("retry", "aria-label", `Try ${job.job_id} again`);
}

/**
 * Whether something of the job is left out because it is large.
 * @param {Job} job
 */
function isCut(job) {
  const errors = [job.error, ...job.attempts.map(({ error }) => error)];
  return (
    job.payload_omitted || job.result_omitted || errors.some((error) => error.length >= CUT && error.endsWith("…"))
  );
}

/**
 * Show the failed attempts if they say more than the error: the only attempt of a failed job is that error.
 * @param {Row} row
 * @param {Job} job
 */
function fillAttempts(row, job) {
  row.parts["attempts-box"].hidden = job.attempts.length <= Number(job.status === "failed");
  row.parts.attempts.replaceChildren(
    ...job.attempts.map(({ attempt, time_spent, finished_at, error }) => {
      const [item, head, box] = ["li", "span", "pre"].map((name) => document.createElement(name));
      const ended = document.createElement("time");
      ended.dateTime = finished_at;
      ended.textContent = exactTime(new Date(finished_at));
      head.className = "number";
      head.append(`Attempt ${attempt} · ${seconds(time_spent)} · `, ended);
      box.tabIndex = 0;
      box.textContent = error;
      item.append(head, box);
      return item;
    }),
  );
}

/**
 * Show the times in the server's finished rows, which are in UTC, in the reader's time zone.
 * @param {Row} row
 */
export function localTimes(row) {
  for (const name of ["submitted", "started", "ended"])
    row.moment(name, row.parts[name].getAttribute("datetime") || null, "never");
  for (const time of row.parts.attempts.querySelectorAll("time")) write(time, exactTime(new Date(time.dateTime)));
}

/**
 * @param {Row} row
 * @param {number} now in milliseconds
 */
export function fillAge(row, now) {
  const iso = row.parts.when.getAttribute("datetime");
  if (iso) row.write("when", ago(new Date(iso), now));
}
