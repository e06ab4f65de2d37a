"""pgqueuer in three configurations: a limit per user, numbers given by the submitter, and priorities."""

from __future__ import annotations

import asyncio
import json
import math

from bench.harness import Crew
from bench.systems.system import PROCESSORS, System

FINE = 100
"""Priorities are integers: one job of weight 1 is a step of this many."""


class PgQueuer(System):
    """One entrypoint for all, oldest first. A worker holds the fewest jobs that it allows: one runs, one waits."""

    needs = ("pgqueuer", "asyncpg")

    def entrypoint(self, user: str) -> str:
        """Return the entrypoint of this user's jobs."""
        return "hold"

    def limits(self) -> dict[str, int]:
        """Return the entrypoints, with the maximum jobs of each that all workers hold at once; 0: no limit."""
        return {"hold": 0}

    def priority(self, user: str, number: int) -> int:
        """Return the priority of this user's job of this number. Higher priorities go first."""
        return 0

    def install(self) -> None:
        """Make its tables, with the autovacuum settings that its documentation recommends."""
        asyncio.run(self._install())

    async def _install(self) -> None:
        import asyncpg  # type: ignore[import-not-found]
        from pgqueuer.queries import Queries  # type: ignore[import-not-found]

        connection = await asyncpg.connect(self.url)
        queries = Queries.from_asyncpg_connection(connection)
        await queries.install()
        await queries.optimize_autovacuum()
        await connection.close()

    def submit(self) -> None:
        """Submit each batch in one call, then ANALYZE: without statistics its queries are slower."""
        asyncio.run(self._submit())

    async def _submit(self) -> None:
        import asyncpg
        from pgqueuer.queries import Queries

        connection = await asyncpg.connect(self.url)
        queries = Queries.from_asyncpg_connection(connection)
        for user, numbers in self.load.numbered():
            priorities = [self.priority(user, number) for number in numbers]
            payloads: list[bytes | None] = [user.encode()] * len(numbers)
            await queries.enqueue([self.entrypoint(user)] * len(numbers), payloads, priorities)
        await connection.execute("ANALYZE")
        await connection.close()

    def start(self, crew: Crew) -> None:
        """Start a worker process per processor."""
        limits = self.limits()
        # Workers can hold all that the limits allow. Otherwise a user without a held job waits behind those with one.
        in_hand = max(2, math.ceil(sum(limits.values()) / PROCESSORS) + 2)
        settings = {"seconds": self.seconds, "limits": limits, "in_hand": in_hand}
        crew.start_together(self.processors, "-m", "bench.systems.pgqueuer_worker", json.dumps(settings))


class PgQueuerLimits(PgQueuer):
    """An entrypoint per user with a concurrency limit. Workers can hold all that these allow: shares follow limits."""

    key = "pgqueuer-limits"
    title = "pgqueuer, limits"
    settings = (
        "Its own means: an entrypoint per user with the weight as its concurrency_limit, and workers with seats for "
        "all that these allow (batch_size 1, max_concurrent_tasks = sum of limits / 4 + 2; each runs one at a time), "
        "so that every user always has so many in hand and gets turns in proportion. The price: a user who is alone "
        "has one processor, so the first load takes long after the light users are done. Limits of 4 x weight avoid "
        "that, and were as even while the machine was idle, but came to share errors of 1 to 4 while it was busy, and "
        "by weight to between 1.1 : 1 and 2 : 1. Fewer seats starved the users who came last; larger batches gave one "
        "worker what others could run. It no longer has serialized dispatch by key, nor rate limits."
    )

    def entrypoint(self, user: str) -> str:
        """Return an entrypoint per user."""
        return user

    def limits(self) -> dict[str, int]:
        """Return the users' weights as limits."""
        return {user: round(weight) for user, weight in self.load.weights.items()}


class PgQueuerNumbers(PgQueuer):
    """The submitter does fair queueing: a job's priority is minus its number among its user's jobs / weight."""

    key = "pgqueuer-numbers"
    title = "pgqueuer, numbers"
    settings = (
        "Fair queueing by the submitter: priority = - (the job's number among its user's jobs) / weight. One "
        "entrypoint, batch_size 1, max_concurrent_tasks 2 (the least allowed)."
    )

    def priority(self, user: str, number: int) -> int:
        """Return a priority that falls with each job, more slowly for a larger weight."""
        return -round(number * FINE / self.load.weights[user])


class PgQueuerPriority(PgQueuer):
    """The weight is the priority: a larger weight goes strictly first."""

    key = "pgqueuer-priority"
    title = "pgqueuer, priority"
    settings = "The weight given as the priority, the usual way to prefer somebody."
    loads = ("weighted",)

    def priority(self, user: str, number: int) -> int:
        """Return the user's weight."""
        return round(self.load.weights[user])
