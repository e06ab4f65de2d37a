// @ts-check
/** Small helpers for elements. Everything that comes from a user is set as text, never as HTML. */

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

/**
 * Return a function that has `render` run soon, once for all calls until then. A hidden page gets no frames, but must
 * not pile up work.
 * @param {() => void} render
 */
export function oncePerFrame(render) {
  let scheduled = false;
  const run = () => {
    scheduled = false;
    render();
  };
  return () => {
    if (scheduled) return;
    scheduled = true;
    if (document.hidden) setTimeout(run, 500);
    else requestAnimationFrame(run);
  };
}

/**
 * Return a function that does `work` at once, or later if it was done less than so many milliseconds ago.
 * @param {number} milliseconds
 * @param {() => void} work
 */
export function atMostEvery(milliseconds, work) {
  let doneAt = -Infinity;
  let timer = 0;
  const run = () => {
    timer = 0;
    doneAt = performance.now();
    work();
  };
  return () => {
    timer ||= setTimeout(run, Math.max(doneAt + milliseconds - performance.now(), 0));
  };
}
