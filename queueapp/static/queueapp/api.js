// @ts-check
/**
 * The API as the page uses it.
 *
 * @typedef {import("../../../tools/node/api").components["schemas"]} Schemas as the OpenAPI schema has them
 * @typedef {Schemas["Attempt"]} Attempt
 * @typedef {Schemas["Status"]} Status
 * @typedef {Schemas["Job"] & {estimated_start?: string | null, tag?: number | null, range?: StartRange | null}} Job
 * @typedef {{earliest: string, latest: string, held: number | null}} StartRange when a job should start, and how often
 *   the range held lately
 * @typedef {Schemas["Share"]} Share
 * @typedef {Schemas["Queue"]} Queue
 * @typedef {Schemas["Progress"]} Progress
 * @typedef {Schemas["Estimates"]} Estimates
 * @typedef {{
 *   title?: string, status?: number, detail?: string, errors?: {field: string, message: string}[]
 * }} Problem
 * @typedef {{status: number, data: any, late?: boolean, wait?: number}} Answer status 0: no answer; `late`: none in time;
 *   `wait`: seconds after which to try again
 */

import { filled, gettext } from "./i18n.js";

// Where the project has put the API: home.html says it.
const ROOT = (document.getElementById("main")?.dataset.jobs ?? "").replace(/jobs\/$/, "");

/** Where it has put the pages of jobs. */
const PAGES = document.getElementById("main")?.dataset.jobsPage ?? "";

export const EVENTS = `${ROOT}events/`;

/** Milliseconds that an answer may take. The server gives up earlier, and says so. */
const TIMEOUT = 40000;

/**
 * Send one request; never throws.
 * @param {string} method
 * @param {string} path
 * @param {unknown} [body]
 * @returns {Promise<Answer>}
 */
async function request(method, path, body) {
  /** @type {Record<string, string>} */
  const headers = { Accept: "application/json" };
  if (method !== "GET") headers["X-CSRFToken"] = csrfToken();
  if (body !== undefined) headers["Content-Type"] = "application/json";
  try {
    const answer = await fetch(ROOT + path, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials: "same-origin",
      cache: "no-store",
      signal: AbortSignal.timeout(TIMEOUT),
    });
    const data = await answer.json().catch((error) => {
      if (error instanceof DOMException) throw error; // too late
      return null; // no JSON
    });
    return { status: answer.status, data, wait: Number(answer.headers.get("Retry-After")) };
  } catch (error) {
    return { status: 0, data: null, late: error instanceof DOMException && error.name === "TimeoutError" };
  }
}

/** Return the cookie's token: it is newer than the page's if somebody logged in again in another tab. */
function csrfToken() {
  const cookie = document.cookie.match(/(?:^|; )csrftoken=([^;]+)/);
  const meta = document.querySelector("meta[name=csrf-token]");
  return cookie?.[1] ?? meta?.getAttribute("content") ?? "";
}

export const readQueue = () => request("GET", "queue/");

/** @param {string} jobId */
const jobPath = (jobId) => `jobs/${encodeURIComponent(jobId)}/`;

/** @param {string} jobId */
export const jobUrl = (jobId) => ROOT + jobPath(jobId);

/** @param {string} jobId */
export const jobPageUrl = (jobId) => `${PAGES}${encodeURIComponent(jobId)}/`;

/** @param {string} jobId */
export const readJob = (jobId) => request("GET", jobPath(jobId));

/** @param {{job_id: string, duration: number, task: string, payload: unknown}} job */
export const submitJob = (job) => request("POST", "jobs/", job);

/** @param {string} jobId */
export const cancelJob = (jobId) => request("DELETE", jobPath(jobId));

/** @param {string} jobId */
export const retryJob = (jobId) => request("POST", `${jobPath(jobId)}retry/`);

/**
 * @param {string} jobId
 * @param {"front" | "back"} to
 */
export const moveJob = (jobId, to) => request("POST", `${jobPath(jobId)}move/`, { to });

/** A page of the jobs that match. @param {Record<string, string>} search */
export const listJobs = (search) => request("GET", `jobs/?${new URLSearchParams(search)}`);

/**
 * Cancel, retry or move all jobs that match a filter.
 * @param {import("./selection-state.js").Action} action
 * @param {Record<string, unknown>} filter
 */
export const changeJobs = (action, filter) =>
  request("POST", `jobs/${action === "front" || action === "back" ? "move" : action}/`, filter);

/**
 * Return why a request failed, in a sentence for the user.
 * @param {Answer} answer
 */
export function errorMessage(answer) {
  if (answer.late)
    return gettext("The server did not answer in time. Try again in a moment; no job is ever taken twice.");
  if (answer.status === 0)
    return gettext("The server cannot be reached. Try again in a moment; no job is ever taken twice.");
  if (answer.status >= 500) return gettext("Something broke on the server. Try again in a moment.");
  if (answer.status === 401) return gettext("Your session has ended. Log in again.");
  if (answer.status === 403) return gettext("The server refused this. Reload the page and try again.");
  const problem = /** @type {Problem | null} */ (answer.data);
  const otherwise = filled(gettext("The server answered with %(status)s."), { status: answer.status });
  return problem?.detail || problem?.title || otherwise;
}
