"""python -m bench.long_horizon.cells: the adapter through phases of the public harness, on this machine.

Two adapters share the queue, as with `--replicas 2`; the first one is killed with its cluster and started again. At the
end each accepted job must have succeeded. Prints a table, and writes it to bench/results/long-horizon.txt.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import psycopg

from bench.harness import keep, open_server, table
from bench.long_horizon.phases import HIGH, PHASES
from jobsite import local

NAME = "turnabout_bench_long"
WARM_UP = 10.0
DRAIN_LIMIT = 120.0
ORDER = (
    "clean", "high-load", "recovery", "idle-in-tx", "recovery", "active-readers", "pg-backend-kill", "pool-exhaustion",
    "kill-worker", "start-worker", "recovery",
)  # fmt: skip
Samples = dict[str, list[float]]


class Adapter:
    """An adapter as a process. `samples`: what it said since take()."""

    def __init__(self, url: str, number: int, rate: int, control: Path) -> None:
        self._environment = os.environ | {
            "DATABASE_URL": url, "BENCH_INSTANCE_ID": str(number), "PRODUCER_RATE": str(rate), "WORKER_COUNT": "2",
            "SAMPLE_EVERY_S": "1", "PRODUCER_RATE_CONTROL_FILE": str(control),
        }  # fmt: skip
        self._samples: Samples = defaultdict(list)
        self.start()

    def start(self) -> None:
        """Start the process."""
        command = [sys.executable, "-m", "bench.long_horizon"]
        self._process = subprocess.Popen(
            command, cwd=local.BASE, env=self._environment, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        threading.Thread(target=self._listen, args=[self._process], daemon=True).start()

    def check(self) -> None:
        """Raises RuntimeError if the process has ended by itself."""
        if self._process.poll() not in (None, -9):
            raise RuntimeError(f"An adapter ended with {self._process.returncode}.")

    def kill(self) -> None:
        """Kill the process and its cluster, as if the host died."""
        process = psutil.Process(self._process.pid)
        for each in [process, *process.children(recursive=True)]:
            with suppress(psutil.NoSuchProcess):
                each.kill()
        self._process.wait()

    def stop(self) -> None:
        """Ask it to end, and wait."""
        self._process.terminate()
        self._process.wait(60)

    def take(self) -> Samples:
        """Return the samples since the last call, by metric."""
        taken, self._samples = self._samples, defaultdict(list)
        return taken

    def _listen(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            said: dict[str, Any] = json.loads(line)
            if said["kind"] == "adapter":
                self._samples[said["metric"]].append(said["value"])


def main() -> int:
    """Run all phases, and return the exit code: 1 if a job was lost or did not succeed."""
    options = _options()
    server = open_server()
    url = server.fresh(NAME)
    rows, load = [], os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        control = Path(folder, "rate")
        control.write_text(str(options.rate / 2))
        adapters = [Adapter(url, 1, options.rate, control), Adapter(url, 0, options.rate, control)]
        try:
            time.sleep(WARM_UP)
            for name in options.phases:
                rows.append(_phase(url, name, adapters, control, options))
                print("  ".join(rows[-1]), file=sys.stderr, flush=True)
            control.write_text("0")
            lost = _drain(url)
        finally:
            for adapter in adapters:
                adapter.stop()
    server.drop(NAME)
    heads = ["phase", "enqueued/s", "completed/s", "claim p50 ms", "p99 ms", "depth at the end", "dead tuples"]
    text = "\n".join([
        f"{options.rate} jobs/s of 1 ms, two adapters of two processors, phases of {options.seconds:g} s; PostgreSQL "
        f"{server.version()}; load average before {load:.1f}", "", table(heads, rows), "", f"Lost or failed: {lost}",
    ])  # fmt: skip
    print(text)
    keep("long-horizon", text)
    return int(lost > 0)


def _phase(url: str, name: str, adapters: list[Adapter], control: Path, options: argparse.Namespace) -> list[str]:
    """Run one phase. Return its row."""
    victim, observer = adapters
    if name == "kill-worker":
        victim.kill()
    elif name == "start-worker":
        victim.start()
    control.write_text(str(options.rate / 2 * (HIGH if name == "high-load" else 1)))
    for adapter in adapters:
        adapter.take()
    with PHASES[name](url):
        time.sleep(options.seconds)
        taken = [adapter.take() for adapter in adapters]
    for adapter in adapters:
        adapter.check()
    seen = taken[adapters.index(observer)]
    enqueued = sum(statistics.fmean(one["enqueue_rate"]) for one in taken if one["enqueue_rate"])
    completed = statistics.fmean(seen["completion_rate"] or [0.0])
    latencies = [f"{seen[metric][-1]:,.0f}" if seen[metric] else "-" for metric in ("claim_p50_ms", "claim_p99_ms")]
    depth = f"{seen['queue_depth'][-1]:,.0f}" if seen["queue_depth"] else "-"
    return [name, f"{enqueued:,.0f}", f"{completed:,.0f}", *latencies, depth, f"{_dead(url):,}"]


def _dead(url: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT coalesce(sum(n_dead_tup), 0) FROM pg_stat_user_tables").fetchone()
        return int(row[0]) if row else 0


def _drain(url: str) -> int:
    """Wait until nothing waits or runs. Return how many jobs have not succeeded."""
    query = "SELECT count(*) FROM queueapp_job j LEFT JOIN queueapp_outcome o ON o.job_id = j.id"
    deadline, left = time.monotonic() + DRAIN_LIMIT, 1
    with psycopg.connect(url, autocommit=True) as connection:
        while left and time.monotonic() < deadline:
            time.sleep(0.5)
            row = connection.execute(f"{query} WHERE o.status IS DISTINCT FROM 'succeeded'").fetchone()
            left = int(row[0]) if row else 0
    return left


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.long_horizon.cells", description=__doc__)
    parser.add_argument("--rate", type=int, default=400, help="jobs a second (400)")
    parser.add_argument("--seconds", type=float, default=20.0, help="of each phase (20)")
    parser.add_argument("--phases", default=",".join(ORDER), help="joined by commas: " + ", ".join(PHASES))
    options = parser.parse_args()
    options.phases = options.phases.split(",")
    if unknown := sorted(set(options.phases) - set(PHASES)):
        parser.error(f"there is no phase {', '.join(unknown)}")
    return options


if __name__ == "__main__":
    sys.exit(main())
