// @ts-check
/** What this browser remembers between visits; where it may not remember anything, the page works all the same. */

/**
 * @param {string} key
 * @returns {string | null}
 */
export function recall(key) {
  try {
    return localStorage.getItem(`turnabout.${key}`);
  } catch {
    return null;
  }
}

/**
 * @param {string} key
 * @param {string} value
 */
export function remember(key, value) {
  try {
    localStorage.setItem(`turnabout.${key}`, value);
  } catch {
    // Storage is full or forbidden: nothing that the page needs is kept there.
  }
}
