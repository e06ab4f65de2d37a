// Use the client that openapi-typescript and openapi-fetch make: node use.js ADDRESS TOKEN.
import createClient from "openapi-fetch";

import type { components, paths } from "./schema.js";

declare const process: { argv: string[]; exit(code: number): never };

type Job = components["schemas"]["Job"];
type Queue = components["schemas"]["Queue"];

const [, , address = "", token = ""] = process.argv;
const client = createClient<paths>({ baseUrl: address, headers: { Authorization: `Bearer ${token}` } });

function told<T>({ data, error }: { data?: T; error?: unknown }): T {
  if (data === undefined) throw new Error(JSON.stringify(error));
  return data;
}

function same(found: unknown, wanted: unknown): void {
  if (JSON.stringify(found) !== JSON.stringify(wanted))
    throw new Error(`${JSON.stringify(found)} is not ${JSON.stringify(wanted)}`);
}

async function* events(stream: ReadableStream<Uint8Array>): AsyncGenerator<{ name: string; data: string }> {
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  let text = "";
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    text += decoder.decode(part.value, { stream: true });
    const blocks = text.split("\n\n");
    text = blocks.pop() ?? "";
    for (const block of blocks) {
      const field = (name: string) => block.match(new RegExp(`^${name}: (.*)$`, "m"))?.[1] ?? "";
      yield { name: field("event"), data: field("data") };
    }
  }
}

const submitted = await client.POST("/api/v1/jobs/", {
  body: { job_id: "later", task: "wait", duration: 1, run_at: "2100-01-01T00:00:00Z", memory_limit: 500 },
});
same(told(submitted).status, "queued");
const cancelled = await client.DELETE("/api/v1/jobs/{job_id}/", { params: { path: { job_id: "later" } } });
same(told(cancelled).status, "cancelled");

const stream = told<ReadableStream<Uint8Array> | null>(await client.GET("/api/v1/events/", { parseAs: "stream" }));
if (stream === null) throw new Error("no stream");
const follow = events(stream);

async function until(wanted: string, has: (data: string) => boolean): Promise<string> {
  for (let next = await follow.next(); !next.done; next = await follow.next()) {
    const { name, data } = next.value;
    if (name === wanted && has(data)) return data;
  }
  throw new Error("the stream ended");
}
const ended = async (id: string): Promise<Job> =>
  JSON.parse(await until("completed", (data) => (JSON.parse(data) as Job).job_id === id)) as Job;

const bulk = await client.POST("/api/v1/jobs/bulk/", {
  body: {
    jobs: [
      { job_id: "quick", task: "wait", duration: 0.1 },
      { job_id: "long", task: "wait", duration: 600 },
    ],
  },
});
same(told(bulk).accepted, 2);
same((await ended("quick")).status, "succeeded");
await until("queue", (data) => (JSON.parse(data) as Queue).running.some((job) => job.job_id === "long"));
const stopping = await client.DELETE("/api/v1/jobs/{job_id}/", { params: { path: { job_id: "long" } } });
same([stopping.response.status, told(stopping).stopping], [202, true]);
same((await ended("long")).status, "cancelled");

const listed = told(await client.GET("/api/v1/jobs/", { params: { query: { page_size: 10 } } }));
same(
  listed.results.map((job) => job.job_id),
  ["long", "quick", "later"],
);
console.log("all well");
process.exit(0);
