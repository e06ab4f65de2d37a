// @ts-check
/** Shows the moments that the server has rendered in UTC in the reader's time zone. */

import { formatDateTime, formatTick } from "./format.js";
import { setText } from "./dom.js";

/** A moment with data-format is shown as formatTick() has it. @param {ParentNode} [within] */
export function localizeTimes(within = document) {
  for (const time of within.querySelectorAll("main time[datetime], time[datetime]")) {
    if (!(time instanceof HTMLTimeElement)) continue;
    time.title = time.textContent ?? "";
    const moment = new Date(time.dateTime);
    setText(time, time.dataset.format ? formatTick(moment, time.dataset.format) : formatDateTime(moment));
  }
}

localizeTimes();
