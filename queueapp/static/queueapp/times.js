// @ts-check
/** Shows the moments that the server has rendered in UTC in the reader's time zone. */

import { formatDateTime } from "./format.js";
import { setText } from "./dom.js";

/** @param {ParentNode} [within] */
export function localizeTimes(within = document) {
  for (const time of within.querySelectorAll("main time[datetime], time[datetime]")) {
    if (!(time instanceof HTMLTimeElement)) continue;
    time.title = time.textContent ?? "";
    setText(time, formatDateTime(new Date(time.dateTime)));
  }
}

localizeTimes();
