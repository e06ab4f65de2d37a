// @ts-check
/** Values that this browser keeps between visits. The page also works without storage. */

/**
 * @param {string} key
 * @returns {string | null}
 */
export function load(key) {
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
export function save(key, value) {
  try {
    localStorage.setItem(`turnabout.${key}`, value);
  } catch {
    // Storage is full or forbidden. The page needs nothing that is kept there.
  }
}
