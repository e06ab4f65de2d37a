// @ts-check
/**
 * Texts in the language of the page. For another language than English, base.html loads Django's JavaScript catalog
 * before any module (queueapp/pages/texts.py). `make messages` finds the texts by the names of these functions.
 */

/**
 * @typedef {object} Catalog
 * @property {(text: string) => string} gettext
 * @property {(one: string, many: string, number: number) => string} ngettext
 */
const catalog = /** @type {{ django?: Catalog }} */ (globalThis).django;

/** The language of the page, such as "de". */
export const language = globalThis.document?.documentElement.lang || "en";

/** The same with the country, if the reader's browser has one for it, such as "de-AT". Dates are written by it. */
export const locale =
  [new Intl.DateTimeFormat().resolvedOptions().locale, ...navigator.languages].find(
    (tag) => tag.split("-")[0] === language.split("-")[0],
  ) ?? language;

/** Return the text in the language of the page. @param {string} text */
export const gettext = (text) => catalog?.gettext(text) ?? text;

/**
 * Return one of two texts by the number, in the language of the page, which may have more than two forms.
 * @param {string} one
 * @param {string} many
 * @param {number} number
 */
export const ngettext = (one, many, number) => catalog?.ngettext(one, many, number) ?? (number === 1 ? one : many);

/**
 * Return a text with its placeholders, such as %(name)s, replaced by these values.
 * @param {string} text
 * @param {Record<string, string | number>} values
 */
export const filled = (text, values) => text.replace(/%\((\w+)\)s/g, (_, name) => String(values[name]));
