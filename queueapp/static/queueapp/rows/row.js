// @ts-check
/**
 * One row of a list, and what the rows of all lists have. A row is made once, from the template that also made the
 * server's rows. Later only the texts that changed are written.
 */

import { jobPageUrl } from "../api.js";
import { setText } from "../dom.js";
import { formatDateTime, formatDuration } from "../format.js";
import { filled, gettext } from "../i18n.js";

/** @typedef {import("../api.js").Job} Job */

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

/**
 * @param {Row} row
 * @param {Job} job
 */
export function fillCommon(row, job) {
  row.setText("id", job.job_id);
  row.setAttribute("page" in row.parts ? "page" : "id", "href", jobPageUrl(job.job_id));
  row.setText("task", job.task);
  row.setText("declared", formatDuration(job.duration));
}

/**
 * @param {Row} row
 * @param {Job} job
 */
export function labelCancel(row, job) {
  row.setAttribute("cancel", "aria-label", filled(gettext("Cancel %(name)s"), { name: job.job_id }));
  row.setAttribute("confirm", "aria-label", filled(gettext("Cancel %(name)s?"), { name: job.job_id }));
}
