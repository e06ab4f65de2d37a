"""One run: from the first job that is seen done to the last, with its cost, then some seconds of rest."""

from __future__ import annotations

import math
import os
import time
from dataclasses import dataclass

import psutil
import psycopg

from bench.harness import Crew, Server
from bench.loads import Load
from bench.throughput.contenders import Contender
from bench.throughput.meter import cpu_seconds, memory_mb, server_process

LOOK_EVERY = 0.01
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


def run(server: Server, system: Contender, processors: int, number: int, jobs: int, limit: float) -> Run:
    """Prepare, submit, work and rest. Everything is ended and dropped afterwards."""
    system.processors = processors
    jobs = jobs // 5 if system.slow else jobs
    system.prepare(server, _load(jobs, system.users_at_once), 0.0)
    try:
        system.submit()
        load = os.getloadavg()[0]
        with Crew(DATABASE_URL=system.url, PROCESSORS=str(processors)) as crew:
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
        deadline = time.monotonic() + limit
        while not (first := done()) and time.monotonic() < deadline:
            time.sleep(LOOK_EVERY)
        begun, used, last = time.monotonic(), cpu_seconds(everyone), first
        while last < jobs and time.monotonic() < deadline:
            time.sleep(LOOK_EVERY)
            last = done()
        took, used = time.monotonic() - begun, cpu_seconds(everyone) - used
        at_rest = cpu_seconds(everyone)
        time.sleep(REST)
        idle, memory = (cpu_seconds(everyone) - at_rest) / REST, memory_mb(workers)
    worked, complete = last - first, last >= jobs
    rate, cpu = (worked / took, used / worked * 1000) if worked else (math.nan, math.nan)
    return Run(system.key, system.processors, number, rate, cpu, idle, memory, load, complete)
