"""The hub's queries, encoded. They run in worker threads and give their connections back at once."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Mapping
from functools import lru_cache, wraps
from typing import NamedTuple, ParamSpec, TypeVar

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import connection
from django.utils.translation import override

from .. import tracing
from ..db.clock import database_now
from ..policy.projection import Standing
from ..policy.rules import Terms
from ..snapshots import (
    LIVE_WAITING,
    Completion,
    FleetNow,
    Predictions,
    completions_after,
    ended_of,
    fleet_now,
    progress_snapshots,
    queue_snapshots,
    stream_starts,
)
from . import access, sse

P = ParamSpec("P")
T = TypeVar("T")

REUSE_FOR = 20.0
"""A fleet that was read is used for so many times as long as it took to read: reads take at most 5 % of the time."""


class EncodedCompletion(NamedTuple):
    """A completion: its owner, its number among the owner's, and the job as sse.data() returns it.

    `trace`: what is to be traced of its delivery, if anything is.
    """

    owner: int
    number: int
    data: bytes
    trace: tracing.Delivery | None = None


class EncodedQueue(NamedTuple):
    """A queue as sse.data() returns it. `rows`: its jobs. `runs`: whether one of them runs. `flow`: its terms."""

    data: bytes
    rows: int
    runs: bool
    flow: Standing


MAX_SHARES = 50
"""Kinds of terms whose shares are told with the estimates. Users with others are told with their queue."""


class FleetReader:
    """Reads the fleet, and keeps it for a moment. `predictions`: how exact its estimates were lately."""

    def __init__(self) -> None:
        self.predictions = Predictions()
        self._fleet: FleetNow | None = None
        self._until = 0.0

    def now(self) -> FleetNow:
        """Return the fleet as it is, or was a moment ago."""
        before = time.monotonic()
        if self._fleet is None or before >= self._until:
            self._fleet = fleet_now(database_now())
            self._until = time.monotonic() + REUSE_FOR * (time.monotonic() - before)
        return self._fleet


def in_thread(work: Callable[P, T]) -> Callable[P, Awaitable[T]]:
    """Return the function as a coroutine function: it runs in a worker thread, whose connection it gives back."""

    @wraps(work)
    def closing(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return work(*args, **kwargs)
        finally:
            connection.close()

    return sync_to_async(closing, thread_sensitive=False)


@in_thread
def read_completions(after: dict[int, int]) -> list[EncodedCompletion]:
    """Return each user's completions after the number given for the user."""
    traced = tracing.active() is not None
    return [
        EncodedCompletion(done.owner, done.number, sse.data(done.job), _trace(done) if traced else None)
        for done in completions_after(after)
    ]


def _trace(done: Completion) -> tracing.Delivery | None:
    if done.traceparent is None:
        return None
    job = done.job
    return tracing.Delivery(done.traceparent, job["job_id"], job["task"], done.owner, job["status"], time.time_ns())


@lru_cache(maxsize=1_000)
def _standing(weight: float, cap: int | None, *, active: bool) -> Standing:
    """Return one object for all flows with these terms: thousands are compared each second."""
    return Standing(Terms(weight, cap), active=active)


@in_thread
def read_queues(users: Mapping[int, str], reader: FleetReader) -> dict[int, EncodedQueue]:
    """Return the queues of users, in their languages; "": the site's own. Unknown users are left out."""
    by_language: defaultdict[str, list[int]] = defaultdict(list)
    for user, language in users.items():
        by_language[language or settings.LANGUAGE_CODE].append(user)
    found: dict[int, EncodedQueue] = {}
    for language, theirs in by_language.items():
        with override(language):
            found |= _encoded_queues(theirs, reader)
    return found


def _encoded_queues(users: Collection[int], reader: FleetReader) -> dict[int, EncodedQueue]:
    return {
        user: EncodedQueue(
            sse.data(queue),
            len(queue["running"]) + len(queue["waiting"]),
            bool(queue["running"]),
            _standing(queue["share"]["weight"], queue["share"]["cap"], active=queue["share"]["active"]),
        )
        for user, queue in queue_snapshots(users, reader.now(), LIVE_WAITING).items()
    }


@in_thread
def read_progress(users: Collection[int]) -> dict[int, bytes]:
    """Return the progress of users' running jobs. Users without any are left out."""
    return {user: sse.data(progress) for user, progress in progress_snapshots(users).items()}


@in_thread
def read_estimates(flows: Collection[Standing], behind: float, reader: FleetReader) -> tuple[bytes, object]:
    """Return the event that all streams share, and what of it matters to users without jobs."""
    fleet = reader.now()
    reader.predictions.look(fleet)
    estimates = fleet.estimates(sorted(flows, key=repr)[:MAX_SHARES], behind, reader.predictions.accuracy)
    return sse.event("estimates", sse.data(estimates)), repr((estimates["processors"], estimates["shares"]))


@in_thread
def read_ended(jobs: Collection[int]) -> set[int]:
    """Return those of these jobs that have ended, or are there no more."""
    return ended_of(jobs)


@in_thread
def restarts(cursors: dict[int, int]) -> dict[int, int]:
    """Return where the streams of each user go on whose last completion is there no more, as after a restore."""
    starts = zip(cursors, stream_starts(list(cursors.items())), strict=True)
    return {owner: start.number for owner, start in starts if start.reset}


@in_thread
def revoked_of(accesses: Collection[access.StreamAccess]) -> set[access.StreamAccess]:
    """Return those that no longer hold: see access.py."""
    return access.revoked(accesses)
