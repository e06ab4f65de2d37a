"""One run: from the first look that sees a job done to the last that does not see all done; then some rest."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import NamedTuple

import psutil
import psycopg

from bench.harness import Crew, Server
from bench.loads import Load
from bench.throughput.contenders import Contender
from bench.throughput.meter import cpu_seconds, memory_mb, server_process

LOOK_EVERY = 0.02
LOOKING = 0.05
"""The part of the time that looking takes at most."""
MIN_LOOKS = 3
REST = 2.0
BATCH = 10_000


@dataclass(frozen=True)
class Run:
    """What came of it. `rate`: jobs a second; `cpu`: CPU seconds per 1,000 jobs, PostgreSQL's among them; `idle_cpu`:
    of one core, at rest; `memory`: MB of the workers; `load`: the machine's load average at the start."""

    key: str
    processors: int
    round: int
    rate: float
    cpu: float
    idle_cpu: float
    memory: float
    load: float
    complete: bool


class Look(NamedTuple):
    """How many jobs were done, when, and the CPU seconds used by then."""

    done: int
    at: float
    cpu: float


@contextmanager
def open_transaction(url: str) -> Iterator[None]:
    """Somebody else's, which has looked at the database and does not end: nothing dead since can be cleared away."""
    with psycopg.connect(url) as other:
        other.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        other.execute("SELECT count(*) FROM pg_class")
        yield


def run(
    server: Server, system: Contender, processors: int, number: int, jobs: int, limit: float, *, beside: bool = False
) -> Run:
    """Prepare, submit, work and rest, `beside` a transaction that stays open. All is ended and dropped afterwards."""
    system.processors = processors
    jobs = round(jobs * system.times)
    system.prepare(server, _load(jobs, system.users_at_once), 0.0)
    try:
        system.submit()
        load = os.getloadavg()[0]
        enemy = open_transaction(system.url) if beside else nullcontext()
        with enemy, Crew(DATABASE_URL=system.url, PROCESSORS=str(processors)) as crew:
            return _measure(system, crew, number, jobs, limit, load)
    finally:
        system.close()


def _load(jobs: int, users: int) -> Load:
    """As many jobs of each user, up to BATCH in a batch."""
    each = jobs // users
    names = [f"user-{number}" for number in range(users)]
    batches = tuple((name, min(BATCH, each - done)) for done in range(0, each, BATCH) for name in names)
    return Load("noop", "jobs that do nothing", batches, dict.fromkeys(names, 1.0), ())


def _measure(system: Contender, crew: Crew, number: int, jobs: int, limit: float, load: float) -> Run:
    query = system.done_query.format(jobs=jobs)
    server = server_process(system.url)
    with psycopg.connect(system.url, autocommit=True) as connection:

        def done() -> int:
            row = connection.execute(query.encode()).fetchone()
            return int(row[0]) if row else 0

        system.start(crew)
        workers = [psutil.Process(pid) for pid in crew.pids()]
        everyone = [server, *workers]
        looks = [Look(0, 0.0, 0.0)]
        deadline = time.monotonic() + limit
        while looks[-1].done < jobs and time.monotonic() < deadline:
            begun = time.monotonic()
            many = done()
            now = time.monotonic()
            if many:
                looks.append(Look(many, (begun + now) / 2, cpu_seconds(everyone)))
            time.sleep(max(LOOK_EVERY, (time.monotonic() - begun) / LOOKING))
        at_rest = cpu_seconds(everyone)
        time.sleep(REST)
        idle, memory = (cpu_seconds(everyone) - at_rest) / REST, memory_mb(workers)
    rate, cpu = _between(looks[1:])
    return Run(system.key, system.processors, number, rate, cpu, idle, memory, load, looks[-1].done >= jobs)


def _between(looks: list[Look]) -> tuple[float, float]:
    """The rate, and the CPU seconds per 1,000 jobs, from the first look to the last but one."""
    if len(looks) < MIN_LOOKS:
        return math.nan, math.nan
    first, last = looks[0], looks[-2]
    worked = last.done - first.done
    return worked / (last.at - first.at), (last.cpu - first.cpu) / max(worked, 1) * 1000
