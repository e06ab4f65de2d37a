// A processor of graphile-worker for the benches: node worker.mjs migrate | work SETTINGS. The jobs do nothing.
import { createInterface } from "node:readline";
import { Logger, run, runMigrations } from "graphile-worker";

const connectionString = process.env.DATABASE_URL;
const logger = new Logger(() => () => {});

if (process.argv[2] === "migrate") {
  await runMigrations({ connectionString, logger });
  process.exit(0);
}
const settings = JSON.parse(process.argv[3]);
process.stdout.write("ready\n");
await new Promise((resolve) => createInterface({ input: process.stdin }).once("line", resolve));
await run({
  connectionString,
  taskList: { nothing: () => {} },
  preset: { worker: { logger, ...settings } },
});
