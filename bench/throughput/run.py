"""One run, measured from the first sample with a job done to the last without all done, and then at rest."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, NamedTuple

import psutil
import psycopg

from bench.harness import Crew, Server
from bench.loads import Load
from bench.throughput.contenders import Contender
from bench.throughput.meter import cpu_seconds, memory_mb, server_process

LOOK_EVERY = 0.02
LOOKING = 0.05
"""Maximum fraction of the time that sampling takes."""
MIN_LOOKS = 3
REST = 2.0
BATCH = 10_000


class Written(NamedTuple):
    """What the server has written so far: bytes of WAL, and of this database transactions and dead tuples."""

    wal: float
    commits: float
    dead: float

    def since(self, before: Written, jobs: int) -> Written:
        """Return what was written since for each of so many jobs."""
        return Written(*((now - then) / max(jobs, 1) for now, then in zip(self, before, strict=True)))


@dataclass(frozen=True)
class Run:
    """The result of a run.

    `rate`: jobs per second. `cpu`: CPU seconds per 1,000 jobs, PostgreSQL's included. `idle_cpu`: fraction of one core
    used at rest. `memory`: MB of the workers. `written`: for each job, from the start of the workers to the rest,
    without the submission. `load`: the machine's load average at the start. `complete`: all jobs were done within the
    limit.
    """

    key: str
    processors: int
    round: int
    rate: float
    cpu: float
    idle_cpu: float
    memory: float
    written: Written
    load: float
    complete: bool


class Look(NamedTuple):
    """A sample: the number of jobs done, when, and the CPU seconds used by then."""

    done: int
    at: float
    cpu: float


@contextmanager
def open_transaction(url: str) -> Iterator[None]:
    """Hold a transaction with a snapshot open. It holds the xmin horizon back: vacuum removes no newer dead tuple."""
    with psycopg.connect(url) as other:
        other.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        other.execute("SELECT count(*) FROM pg_class")
        yield


def run(
    server: Server, system: Contender, processors: int, number: int, jobs: int, limit: float, *, beside: bool = False
) -> Run:
    """Prepare, submit, work and rest, and return the result. `beside`: while another transaction stays open.

    Ends all processes and drops the database afterwards.
    """
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
    """Return a load with equally many jobs of each user, in batches of at most BATCH."""
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

        before = _written(connection)
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
        written = _written(connection).since(before, looks[-1].done)
    rate, cpu = _between(looks[1:])
    complete = looks[-1].done >= jobs
    return Run(system.key, system.processors, number, rate, cpu, idle, memory, written, load, complete)


def _written(connection: psycopg.Connection[Any]) -> Written:
    """Return what was written so far. Sessions report their counts when they rest, within REST seconds."""
    connection.execute("SELECT pg_stat_clear_snapshot()")
    row = connection.execute(
        "SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn, d.xact_commit,"
        " (SELECT coalesce(sum(n_tup_upd + n_tup_del), 0) FROM pg_stat_user_tables)"
        " FROM pg_stat_database d WHERE datname = current_database()"
    ).fetchone()
    assert row is not None
    return Written(*map(float, row))


def _between(looks: list[Look]) -> tuple[float, float]:
    """Return the rate and the CPU seconds per 1,000 jobs, from the first sample to the last but one.

    Both are NaN if there are fewer than MIN_LOOKS samples.
    """
    if len(looks) < MIN_LOOKS:
        return math.nan, math.nan
    first, last = looks[0], looks[-2]
    worked = last.done - first.done
    return worked / (last.at - first.at), (last.cpu - first.cpu) / max(worked, 1) * 1000
