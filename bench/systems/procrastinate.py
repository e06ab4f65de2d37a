"""procrastinate in three configurations: a queue per user, numbers given by the submitter, and priorities."""

from __future__ import annotations

import json
from typing import Any

import psycopg

from bench.harness import Crew
from bench.systems.system import System

FINE = 100
"""Priorities are integers: one job of weight 1 is a step of this many."""
ALL = "all"


class Procrastinate(System):
    """One queue for all, oldest first. A worker holds two jobs: one runs, one waits."""

    needs = ("procrastinate",)

    def queue(self, user: str) -> str:
        """Return the queue of this user's jobs."""
        return ALL

    def queues(self) -> dict[str, int]:
        """Return the queues, with the jobs of each that a processor holds at once."""
        return {ALL: 2}

    def priority(self, user: str, number: int) -> int:
        """Return the priority of this user's job of this number. Higher priorities go first."""
        return 0

    def install(self) -> None:
        """Make its tables."""
        with self._app().open() as app:
            app.schema_manager.apply_schema()

    def submit(self) -> None:
        """Submit each batch in one call, then ANALYZE: without statistics its queries are slower."""
        from procrastinate.jobs import Job  # type: ignore[import-not-found]

        with self._app().open() as app:
            for user, numbers in self.load.numbered():
                ask: dict[str, Any] = {"id": None, "lock": None, "queueing_lock": None, "task_name": "hold"}
                ask["task_kwargs"] = {"user": user}
                jobs = [Job(queue=self.queue(user), priority=self.priority(user, n), **ask) for n in numbers]
                app.job_manager.batch_defer_jobs(jobs)
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute("ANALYZE")

    def start(self, crew: Crew) -> None:
        """Start a worker process per processor."""
        settings = {"seconds": self.seconds, "queues": self.queues()}
        crew.start_together(self.processors, "-m", "bench.systems.procrastinate_worker", json.dumps(settings))

    def _app(self) -> Any:
        from procrastinate import App, SyncPsycopgConnector  # type: ignore[import-not-found]

        return App(connector=SyncPsycopgConnector(conninfo=self.url))


class ProcrastinateQueues(Procrastinate):
    """A queue per user, and in every process a worker per queue. A lock shares the processor between them."""

    key = "procrastinate-queues"
    title = "procrastinate, queues"
    settings = (
        "Its own means: a queue per user, and in every process a worker per queue (concurrency = weight); a lock in "
        "the process lets one job run at a time, first come first served, so users alternate, and none leaves the "
        "processor idle. A lock per user, which it also has, came to 50 jobs/s here and starved the users who came "
        "last: each fetch passes over the heavy user's whole backlog. Queues dealt out to processes leave those who "
        "share one with the heavy user behind them."
    )

    def queue(self, user: str) -> str:
        """Return a queue per user."""
        return user

    def queues(self) -> dict[str, int]:
        """Return the queues. A processor holds as many jobs of each as the user's weight."""
        return {user: round(weight) for user, weight in self.load.weights.items()}


class ProcrastinateNumbers(Procrastinate):
    """The submitter does fair queueing: a job's priority is minus its number among its user's jobs / weight."""

    key = "procrastinate-numbers"
    title = "procrastinate, numbers"
    settings = (
        "Fair queueing by the submitter: priority = - (the job's number among its user's jobs) / weight. One queue, "
        "concurrency 2 (one runs, one waits: quicker than 1)."
    )

    def priority(self, user: str, number: int) -> int:
        """Return a priority that falls with each job, more slowly for a larger weight."""
        return -round(number * FINE / self.load.weights[user])


class ProcrastinatePriority(Procrastinate):
    """The weight is the priority: a larger weight goes strictly first."""

    key = "procrastinate-priority"
    title = "procrastinate, priority"
    settings = "The weight given as the priority, the usual way to prefer somebody."
    loads = ("weighted",)

    def priority(self, user: str, number: int) -> int:
        """Return the user's weight."""
        return round(self.load.weights[user])
