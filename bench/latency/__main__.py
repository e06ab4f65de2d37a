"""python -m bench.latency: latency from submission to start, on an idle site beside peers, and beside a flood.

On the idle site one job is sent at a time, with pauses in which all processes become idle again. Beside the flood one
user has very many jobs of 5 ms in line, and another one sends single jobs over HTTP. The bound of the theorem
(queueapp/policy/fairness.py) is printed beside their waits. Writes bench/results/latency.txt and .json.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import time
from typing import Any

from bench.filling import fill
from bench.harness import Crew, Server, in_turn, keep, open_server, table
from bench.latency.systems import (
    Committed,
    Direct,
    InTransaction,
    Send,
    Site,
    WaitingPgQueuer,
    WaitingProcrastinate,
)
from bench.loads import Load
from bench.records import Records, clock
from bench.systems.system import PROCESSORS

PAUSE = (0.4, 0.8)
WARM_UP = 3 * PROCESSORS
"""Jobs sent before those that count. The first job of each worker takes longer, and nobody can choose the worker."""
HELD = 0.005
"""Seconds that each job holds its processor, in the flood and beside it."""
LIMIT = 20.0
NOBODY = Load("latency", "one job at a time", (("user", 0),), {"user": 1.0}, ())


def measure(records: Records, send: Send, names: list[str]) -> list[float]:
    """Send the jobs and return the seconds until each started, without those that never did.

    They count from the call of `send`, or from the moment that it returns. Waits up to LIMIT seconds for the starts.
    """
    chooser, sent = random.Random(1), {}
    for name in names:
        time.sleep(chooser.uniform(*PAUSE))
        moment = clock()
        sent[name] = send(name) or moment
    deadline = time.monotonic() + LIMIT
    while True:
        started = {record.user: record.started for record in records.read() if record.user in sent}
        if len(started) == len(sent) or time.monotonic() > deadline:
            return [started[name] - moment for name, moment in sent.items() if name in started]
        time.sleep(0.3)


def idle(server: Server, system: Any, jobs: int, number: int) -> list[float]:
    """Return the waits on an idle site, in seconds. Jobs that warm the workers up do not count."""
    system.prepare(server, NOBODY, 0.0)
    try:
        with Crew(DATABASE_URL=system.url, PROCESSORS=str(PROCESSORS)) as crew:
            system.start(crew)
            time.sleep(3)
            with system.sending() as send:
                measure(system.records, send, [f"warm-{number}-{n}" for n in range(WARM_UP)])
                return measure(system.records, send, [f"{number}-{n}" for n in range(jobs)])
    finally:
        system.close()


def beside_a_flood(server: Server, jobs: int, flood: int) -> list[float]:
    """Return the waits of a light user's single jobs while another user's jobs keep all processors busy, in seconds."""
    from django.contrib.auth import get_user_model

    system = Site()
    system.prepare(server, NOBODY, 0.0)
    try:
        fill(1, flood, declared=HELD, task="bench.hold", payload={"user": "flood"})
        get_user_model().objects.create_user("user")
        with Crew(DATABASE_URL=system.url, PROCESSORS=str(PROCESSORS)) as crew:
            system.start(crew)
            crew.wait(lambda: system.records.count() > 0, LIMIT)
            with system.sending(HELD) as send:
                measure(system.records, send, ["warm-1", "warm-2"])
                return measure(system.records, send, [str(n) for n in range(jobs)])
    finally:
        system.close()


def bound() -> float:
    """Return the theorem's bound on the wait of a light user's job beside one other flow, in seconds."""
    from queueapp.conf import queue_settings
    from queueapp.policy.fairness import head_wait_bound

    return head_wait_bound(PROCESSORS, queue_settings().QUANTUM_SECONDS, (HELD, 1.0), [(HELD, 1.0)])


def row(title: str, waits: list[float], sent: int) -> list[str]:
    """Return a row of the table: median, 95th and 99th percentile and maximum in ms, and how many jobs started."""
    ordered = sorted(waits)
    if not ordered:
        return [title, *["-"] * 4, f"0 of {sent}"]
    at = [ordered[min(int(len(ordered) * part), len(ordered) - 1)] * 1000 for part in (0.5, 0.95, 0.99, 1)]
    return [title, *(f"{value:,.1f}" for value in at), f"{len(ordered)} of {sent}"]


def main() -> int:
    """Print and write the tables, and return the exit code."""
    options = _options()
    systems = [Site(), Direct(), Committed(), InTransaction(), WaitingPgQueuer(), WaitingProcrastinate()]
    if missing := sorted({package for system in systems for package in system.missing()}):
        print(f"Install what the benches need: pip install -r requirements-bench.txt ({', '.join(missing)} missing).")
        return 1
    server, load = open_server(), os.getloadavg()[0]
    waits: dict[str, list[float]] = {system.title: [] for system in systems}
    for number, system in in_turn(systems, options.rounds):
        waits[system.title] += idle(server, system, options.jobs, number)
        print(row(system.title, waits[system.title], number * options.jobs), file=sys.stderr, flush=True)
    beside = beside_a_flood(server, options.jobs, options.flood)
    heads, sent = ["", "median ms", "95 %", "99 %", "most", "started"], options.rounds * options.jobs
    text = "\n".join([
        f"Submission to start, {PROCESSORS} processors, PostgreSQL {server.version()}, {os.cpu_count()} cores, load "
        f"average {load:.1f} before and {os.getloadavg()[0]:.1f} after\n\nOn an idle site, {options.rounds} rounds",
        table(heads, [row(title, its, sent) for title, its in waits.items()]),
        f"\nBeside {options.flood:,} waiting jobs of one other user, {HELD * 1000:g} ms each",
        table(heads, [row("Turnabout, POST jobs/ to start", beside, options.jobs)]),
        f"The theorem: within {bound() * 1000:,.0f} ms, the time of the request and of a turn's round trips aside.\n\n"
        "Only the first line has a web server, a token and checks of the request in it. All commit the\n"
        "submission synchronously. In plain order the light user's jobs would wait for the whole flood: see\n"
        "bench.fairness.",
    ])  # fmt: skip
    print(text)
    keep("latency", text, {"idle": waits, "beside": beside})
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.latency", description="From submission to start.")
    parser.add_argument("--jobs", type=int, default=50, help="sent one by one, to each system (50)")
    parser.add_argument("--rounds", type=int, default=2, help="rounds of all systems in turn (2)")
    parser.add_argument("--full", action="store_true", help="a flood of 1,000,000 jobs instead of 100,000")
    options = parser.parse_args()
    options.flood = 1_000_000 if options.full else 100_000
    return options


if __name__ == "__main__":
    sys.exit(main())
