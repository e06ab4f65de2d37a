// @ts-check
/** The three lists of the page. */

import { setText } from "../dom.js";
import { filled, ngettext } from "../i18n.js";
import { Row } from "./row.js";

/** @typedef {import("../api.js").Job} Job */

const FOLDED_ROWS = 10;
const MAX_ROWS = 200;

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
    this.total = 0;
    this.onUnfold = () => {};
    this.unfoldButton?.addEventListener("click", () => {
      this.list.toggleAttribute("data-folded");
      this.labelUnfold();
      this.onUnfold();
    });
  }

  /**
   * Show these jobs and no others, in this order.
   * @param {Job[]} jobs
   * @param {number} [total] how many there are in all, some of which are not known yet
   */
  show(jobs, total = jobs.length) {
    this.total = total;
    const wanted = new Set(jobs.map((job) => job.job_id));
    for (const id of [...this.rows.keys()]) if (!wanted.has(id)) this.remove(id);
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
   * @param {readonly Job[]} jobs
   */
  prepend(jobs) {
    const newest = jobs.slice(-MAX_ROWS);
    for (const job of newest) this.list.prepend(this.fillRow(job).element);
    while (this.rows.size > MAX_ROWS) {
      const oldest = /** @type {HTMLElement} */ (this.list.lastElementChild);
      this.remove(oldest.dataset.jobId ?? "");
    }
    this.labelUnfold();
  }

  /**
   * Return the row that contains this element.
   * @param {Element | null} element
   */
  rowOf(element) {
    return this.rows.get(/** @type {HTMLElement | null} */ (element?.closest(".job") ?? null)?.dataset.jobId ?? "");
  }

  /**
   * Return the row of this job, made if it is new, with the job's texts.
   * @param {Job} job
   */
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
   */
  remove(id) {
    const element = this.rows.get(id)?.element;
    if (!element) return;
    const focused = element.contains(document.activeElement);
    const neighbour = element.nextElementSibling ?? element.previousElementSibling;
    this.rows.delete(id);
    element.remove();
    if (!focused) return;
    const target = /** @type {HTMLElement | null | undefined} */ (neighbour?.querySelector("button, summary"));
    (target ?? this.heading).focus();
  }

  get isFolded() {
    return this.list.hasAttribute("data-folded");
  }

  labelUnfold() {
    if (!this.unfoldButton) return;
    const many = Math.max(this.rows.size, this.total);
    const folded = this.isFolded;
    this.unfoldButton.hidden = many <= FOLDED_ROWS;
    this.unfoldButton.setAttribute("aria-expanded", String(!folded));
    const fewer = ngettext("Show the first %(number)s only", "Show the first %(number)s only", FOLDED_ROWS);
    const all = filled(ngettext("Show all %(number)s", "Show all %(number)s", many), { number: many });
    setText(this.unfoldButton, folded ? all : filled(fewer, { number: FOLDED_ROWS }));
  }
}
