// @ts-check
/** A button that copies a new secret: of an API key, of a webhook, or a link to a job. */

import { part, setText } from "./dom.js";
import { gettext } from "./i18n.js";

const copy = part("copy");

if (copy) {
  const key = /** @type {HTMLInputElement} */ (part("key"));
  copy.hidden = false;
  copy.addEventListener("click", async () => {
    key.select();
    try {
      await navigator.clipboard.writeText(key.value); // there is none where the site is not reached by TLS
      setText(part("copied"), gettext("Copied."));
    } catch {
      setText(part("copied"), gettext("It is selected: copy it with your keyboard."));
    }
  });
}
