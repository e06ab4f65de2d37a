// @ts-check
/** The form that submits a job. The server validates all that can be sent; errors are shown at their fields. */

import { errorMessage, submitJob } from "./api.js";
import { part, setText } from "./dom.js";
import { isolated, statusWord } from "./format.js";
import { filled, gettext } from "./i18n.js";

/** @typedef {import("./api.js").Job} Job */

const NAME_CHARACTERS = "23456789abcdefghjkmnpqrstuvwxyz"; // without those that are easily misread
const FIELDS = ["job_id", "duration", "task", "payload"];

const section = /** @type {HTMLElement} */ (document.querySelector(".submit"));
const form = /** @type {HTMLFormElement} */ (document.querySelector('[data-testid="submit-form"]'));
const toggle = part("submit-toggle");
const options = /** @type {HTMLDetailsElement} */ (part("options"));
let suggested = field("job_id").value;
let sending = false;

/**
 * @param {string} name
 * @returns {HTMLInputElement}
 */
function field(name) {
  return /** @type {HTMLInputElement} */ (form.elements.namedItem(name));
}

/** @param {(job: Job, isNew: boolean) => void} onAccepted */
export function bindSubmit(onAccepted) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    submit(onAccepted);
  });
  form.addEventListener("input", (event) => {
    const { name } = /** @type {HTMLInputElement} */ (event.target);
    if (FIELDS.includes(name)) showError(name, "");
  });
  field("task").addEventListener("change", () => describeTask(true));
  toggle.addEventListener("click", () => toggleForm(!section.hasAttribute("data-open")));
  describeTask(false);
}

/** @param {boolean} open */
function toggleForm(open) {
  section.toggleAttribute("data-open", open);
  toggle.setAttribute("aria-expanded", String(open));
  /** @type {Text} */ (toggle.firstChild).data = open ? gettext("Close") : gettext("Open");
}

/** @param {boolean} chosen whether the user has just chosen the task */
function describeTask(chosen) {
  const select = /** @type {HTMLSelectElement} */ (/** @type {unknown} */ (field("task")));
  const { about, takes } = select.selectedOptions[0]?.dataset ?? {};
  setText(part("task-about"), about ?? "");
  const needs = takes
    ? filled(gettext("This task takes: %(fields)s."), { fields: takes })
    : gettext("This task needs none.");
  setText(part("task-takes"), needs);
  if (chosen && takes) options.open = true;
}

/** @param {(job: Job, isNew: boolean) => void} onAccepted */
async function submit(onAccepted) {
  if (sending) return;
  const job = readForm();
  if (!job) return;
  const button = /** @type {HTMLElement} */ (form.querySelector("[type=submit]"));
  sending = true;
  button.setAttribute("aria-disabled", "true"); // not disabled: that would take the focus away
  setText(part("form-error"), "");
  setText(part("form-result"), "");
  const answer = await submitJob(job);
  sending = false;
  button.removeAttribute("aria-disabled");
  if (answer.status === 200 || answer.status === 201) {
    showAccepted(answer.data, answer.status === 201);
    onAccepted(answer.data, answer.status === 201);
  } else showProblem(answer);
}

/** Return the job in the fields. If it cannot be sent at all, show the errors and return null. */
function readForm() {
  for (const name of FIELDS) showError(name, "");
  /** @type {[string, string][]} */
  const errors = [];
  const jobId = field("job_id").value.trim();
  const durationText = field("duration").value.trim().replace(",", ".");
  const duration = Number(durationText);
  const payloadText = field("payload").value.trim();
  let payload = {};
  if (!jobId) errors.push(["job_id", gettext("Give the job a name of its own.")]);
  if (!durationText || !Number.isFinite(duration))
    errors.push(["duration", gettext("Give a number of seconds, such as 12.5.")]);
  try {
    payload = payloadText ? JSON.parse(payloadText) : {};
  } catch {
    errors.push(["payload", gettext('This is not JSON. It should look like {"path": "a.txt"}.')]);
  }
  showErrors(errors);
  return errors.length ? null : { job_id: jobId, duration, task: field("task").value, payload };
}

/** @param {import("./api.js").Answer} answer */
function showProblem(answer) {
  /** @type {[string, string][]} */
  const errors = [];
  /** @type {string[]} */
  const others = [];
  for (const { field: name, message } of answer.data?.errors ?? []) {
    const [top, ...inner] = String(name).split(".");
    if (FIELDS.includes(top)) errors.push([top, inner.length ? `${message} (${inner.join(".")})` : message]);
    else others.push(`${name}: ${message}`);
  }
  if (answer.status === 409 && !errors.length) errors.push(["job_id", errorMessage(answer)]);
  showErrors(errors);
  if (others.length || !errors.length) setText(part("form-error"), others.join("; ") || errorMessage(answer));
}

/** @param {[string, string][]} errors by field; all errors of a field are shown */
function showErrors(errors) {
  for (const [name] of errors) {
    const messages = errors.filter(([other]) => other === name).map(([, message]) => message);
    showError(name, messages.join("; "));
  }
  const first = FIELDS.find((name) => errors.some(([other]) => other === name));
  if (first) field(first).focus();
}

/**
 * @param {string} name
 * @param {string} message empty: no error
 */
function showError(name, message) {
  const input = field(name);
  setText(document.getElementById(`${input.id}-error`), message);
  if (message) input.setAttribute("aria-invalid", "true");
  else input.removeAttribute("aria-invalid");
  if (message && name === "payload") options.open = true;
}

/**
 * Show the result and suggest the next name. The focus stays where it is, so that pressing Enter again submits the
 * next job.
 * @param {Job} job
 * @param {boolean} isNew
 */
function showAccepted(job, isNew) {
  setText(part("form-result"), describeAccepted(job, isNew));
  const input = field("job_id");
  input.value = suggested = nextName(job.job_id);
  if (document.activeElement === input) input.select();
}

/**
 * Return in a sentence what came of a submission.
 * @param {Job} job
 * @param {boolean} isNew
 */
function describeAccepted(job, isNew) {
  const values = { name: isolated(job.job_id), status: statusWord(job.status), position: job.position ?? 0 };
  let text = gettext("%(name)s was submitted before, with the same content; it is %(status)s.");
  if (isNew) text = gettext("%(name)s is %(status)s.");
  if (isNew && job.status === "queued")
    text = job.position
      ? gettext("%(name)s is in the queue, position\u00a0%(position)s.")
      : gettext("%(name)s is in the queue.");
  return filled(text, values);
}

/**
 * Return a name for the next job: render-8 after render-7, another random one after a suggested random one.
 * @param {string} name
 */
function nextName(name) {
  const [, stem, digits] = name.match(/^(.*?)(\d{1,15})$/) ?? [];
  if (name === suggested && /^job-[^-]{6}$/.test(name)) return randomName();
  if (digits === undefined) return name.length < 190 ? `${name}-2` : randomName();
  const next = `${stem}${String(Number(digits) + 1).padStart(digits.length, "0")}`;
  return next.length <= 200 ? next : randomName();
}

function randomName() {
  const numbers = crypto.getRandomValues(new Uint8Array(6));
  return `job-${[...numbers].map((number) => NAME_CHARACTERS[number % NAME_CHARACTERS.length]).join("")}`;
}

/**
 * Fill the form from an earlier job, with the next name.
 * @param {{jobId: string, task: string, duration: string, payload: string}} job
 */
export function fillForm({ jobId, task, duration, payload }) {
  toggleForm(true);
  for (const name of FIELDS) showError(name, "");
  field("job_id").value = suggested = nextName(jobId);
  field("duration").value = duration;
  field("task").value = task;
  field("payload").value = payload;
  options.open = payload !== "";
  describeTask(false);
  setText(part("form-result"), "");
  field("job_id").focus();
  field("job_id").select();
}
