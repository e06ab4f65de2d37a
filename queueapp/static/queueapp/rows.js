// @ts-check
/**
 * The rows of the three lists. A row is made once, from the template that also made the server's rows. Later only the
 * texts that changed are written. Everything that comes from a user is set as text, never as HTML.
 */

import { jobUrl } from "./api.js";
import { formatDateTime, formatDuration, formatElapsed, formatTimeAgo, formatTimeUntil, isOvertime } from "./format.js";

/** @typedef {import("./api.js").Job} Job */

const FOLDED_ROWS = 10;
const MAX_ROWS = 200;
/** Characters of an error that lists contain, at most. */
const ERROR_LIMIT = 1024;

/**
 * @param {Element | null | undefined} element
 * @param {string} text
 */
export function setText(element, text) {
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
  setText(name, text) {
    setText(this.parts[name], text);
  }

  /**
   * @param {string} name
   * @param {string} attribute
   * @param {string} value
   */
  setAttribute(name, attribute, value) {
    const element = this.parts[name];
    if (element.getAttribute(attribute) !== value) element.setAttribute(attribute, value);
  }

  /**
   * Show a box only if it has text.
   * @param {string} name
   * @param {string} text
   */
  setBox(name, text) {
    this.parts[`${name}-box`].hidden = text === "";
    this.setText(name, text);
  }

  /**
   * @param {string} name
   * @param {string | null} iso
   * @param {string} otherwise
   */
  setTime(name, iso, otherwise = "") {
    this.setAttribute(name, "datetime", iso ?? "");
    this.setText(name, iso ? formatDateTime(new Date(iso)) : otherwise);
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
    this.unfoldButton = /** @type {HTMLElement | null} */ (document.querySelector(`[data-part="${kind}-unfold"]`));
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
    this.unfoldButton?.addEventListener("click", () => {
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
    for (const [id, row] of this.rows) if (!wanted.has(id)) this.remove(id, row);
    let at = this.list.firstElementChild;
    for (const job of jobs) {
      const { element } = this.fillRow(job);
      if (element === at) at = at.nextElementSibling;
      else this.list.insertBefore(element, at);
    }
    this.labelUnfold();
  }

  /**
   * Put these jobs on top, the last one first, and drop the oldest beyond MAX_ROWS.
   * @param {Job[]} jobs
   */
  prepend(jobs) {
    const newest = jobs.slice(-MAX_ROWS);
    for (const job of newest) this.list.prepend(this.fillRow(job).element);
    while (this.rows.size > MAX_ROWS) {
      const oldest = /** @type {HTMLElement} */ (this.list.lastElementChild);
      this.remove(oldest.dataset.jobId ?? "", /** @type {Row} */ (this.rows.get(oldest.dataset.jobId ?? "")));
    }
    this.labelUnfold();
  }

  /** @param {Job} job */
  fillRow(job) {
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
  remove(id, row) {
    const { element } = row;
    const focused = element.contains(document.activeElement);
    const neighbour = element.nextElementSibling ?? element.previousElementSibling;
    this.rows.delete(id);
    element.remove();
    if (!focused) return;
    const target = /** @type {HTMLElement | null | undefined} */ (neighbour?.querySelector("button, summary"));
    (target ?? this.heading).focus();
  }

  labelUnfold() {
    if (!this.unfoldButton) return;
    const many = this.rows.size;
    const folded = this.list.hasAttribute("data-folded");
    this.unfoldButton.hidden = many <= FOLDED_ROWS;
    this.unfoldButton.setAttribute("aria-expanded", String(!folded));
    setText(this.unfoldButton, folded ? `Show all ${many}` : `Show the first ${FOLDED_ROWS} only`);
  }
}

/**
 * @param {Row} row
 * @param {Job} job
 */
function fillCommon(row, job) {
  row.setText("id", job.job_id);
  row.setText("task", job.task);
  row.setText("declared", formatDuration(job.duration));
}

/**
 * @param {Row} row
 * @param {Job} job
 */
export function fillRunning(row, job) {
  fillCommon(row, job);
  const bar = /** @type {HTMLProgressElement} */ (row.parts.bar);
  if (bar.value !== job.progress) bar.value = job.progress;
  row.setAttribute("bar", "aria-label", `Progress of ${job.job_id}`);
  row.setText("percent", `${Math.floor(job.progress * 100)}%`);
  row.setText("message", job.message);
  row.setText("attempt", `attempt ${job.attempt}`);
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
  row.setAttribute("cancel", "aria-label", `Cancel ${job.job_id}`);
  row.setAttribute("confirm", "aria-label", `Cancel ${job.job_id}?`);
}

/**
 * Show how long a running job has taken, and how far that exceeds its declared duration.
 * @param {Row} row
 * @param {number} spent in seconds
 * @param {number} declared in seconds
 */
export function fillTimeSpent(row, spent, declared) {
  const over = isOvertime(spent, declared);
  row.setText("spent", formatElapsed(spent));
  row.setText("over", over ? ` · ${formatDuration(Math.round(spent - declared))} over` : "");
  if (row.element.hasAttribute("data-over") !== over) row.element.toggleAttribute("data-over", over);
}

/**
 * @param {Row} row
 * @param {Job} job
 */
export function fillWaiting(row, job) {
  fillCommon(row, job);
  row.setText("position", job.position === null ? "–" : String(job.position));
  row.setText("attempt", job.attempt > 1 ? ` · attempt ${job.attempt}` : "");
  row.setText("note", job.message);
  labelCancel(row, job);
}

/**
 * Show when a job is expected to start, and the moment before which it does not.
 * @param {Row} row
 * @param {Job} job
 * @param {number} now in milliseconds
 */
export function fillEstimatedStart(row, job, now) {
  row.setText("starts", job.estimated_start ? formatTimeUntil((Date.parse(job.estimated_start) - now) / 1000) : "");
  const due = job.run_at ? new Date(job.run_at) : null;
  row.setText("due", due && due.getTime() > now ? `not before ${formatDateTime(due)}` : "");
}

/**
 * @param {Row} row
 * @param {Job} job
 */
export function fillFinished(row, job) {
  fillCommon(row, job);
  const pretty = (/** @type {unknown} */ value) => JSON.stringify(value, null, 2);
  row.setAttribute("mark", "href", `#mark-${job.status}`);
  row.setText("status", job.status);
  row.setText("took", job.started_at ? ` · ${formatDuration(job.time_spent)}` : "");
  row.setText("spent", formatDuration(job.time_spent));
  row.setText("attempt", String(job.attempt));
  row.setText("excerpt", job.error.slice(0, ERROR_LIMIT));
  row.setBox("error", job.error);
  fillAttempts(row, job);
  row.setBox("result", job.result === null ? "" : pretty(job.result));
  row.setBox("message", job.message);
  row.setBox("payload", Object.keys(job.payload ?? {}).length ? pretty(job.payload) : "");
  row.parts.omitted.hidden = !hasOmitted(job);
  row.setAttribute("full-job", "href", jobUrl(job.job_id));
  row.setTime("submitted", job.submitted_at);
  row.setTime("started", job.started_at, "never");
  row.setTime("ended", job.finished_at);
  row.setAttribute("age", "datetime", job.finished_at ?? "");
  row.parts.reuse.dataset.duration = String(job.duration);
  row.parts.retry.hidden = !["failed", "cancelled"].includes(job.status);
  row.setAttribute("retry", "aria-label", `Try ${job.job_id} again`);
}

/**
 * Whether something of the job is left out because it is large.
 * @param {Job} job
 */
function hasOmitted(job) {
  const errors = [job.error, ...job.attempts.map(({ error }) => error)];
  return (
    job.payload_omitted ||
    job.result_omitted ||
    errors.some((error) => error.length >= ERROR_LIMIT && error.endsWith("…"))
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
      ended.textContent = formatDateTime(new Date(finished_at));
      head.className = "number";
      head.append(`Attempt ${attempt} · ${formatDuration(time_spent)} · `, ended);
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
export function localizeTimes(row) {
  for (const name of ["submitted", "started", "ended"])
    row.setTime(name, row.parts[name].getAttribute("datetime") || null, "never");
  for (const time of row.parts.attempts.querySelectorAll("time"))
    setText(time, formatDateTime(new Date(time.dateTime)));
}

/**
 * @param {Row} row
 * @param {number} now in milliseconds
 */
export function fillAge(row, now) {
  const iso = row.parts.age.getAttribute("datetime");
  if (iso) row.setText("age", formatTimeAgo(new Date(iso), now));
}
