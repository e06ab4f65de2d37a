"""The hub's queries. They run in worker threads and give their connections back at once."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import connection

from .. import tracing
from ..snapshots import Completion, completions_after, progress_snapshots, queue_snapshots, stream_start
from . import sse
from .access import StreamAccess, revoked


@dataclass(frozen=True)
class EncodedCompletion:
    """A completion: its owner, its number among the owner's, and the job as sse.data() returns it.

    `trace`: what is to be traced of its delivery, if anything is.
    """

    owner: int
    number: int
    data: bytes
    trace: tracing.Delivery | None = None


@dataclass
class Completions:
    """Completions of the users in `after`, each above the number given there. Other users have none."""

    after: dict[int, int]
    found: list[EncodedCompletion]


@dataclass
class Batch:
    """The results of one batch of queries by user, encoded by sse.data() once for all of a user's streams."""

    queues: dict[int, bytes] = field(default_factory=dict)
    progress: dict[int, bytes] = field(default_factory=dict)
    completions: list[Completions] = field(default_factory=list)


def read_batch(fresh: set[int], cursors: list[dict[int, int]], running: list[int]) -> Batch:
    """Run one batch of queries. `cursors`: the numbers after which to read completions, by user.

    Completions are read first, so a queue is never older than the completions beside it.
    """
    try:
        return Batch(
            completions=[Completions(after, _encoded_completions(after)) for after in cursors if after],
            queues=_encoded(queue_snapshots(fresh)) if fresh else {},
            progress=_encoded(progress_snapshots(running)) if running else {},
        )
    finally:
        connection.close()


def _encoded_completions(after: dict[int, int]) -> list[EncodedCompletion]:
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


def _encoded(by_user: Mapping[int, Any]) -> dict[int, bytes]:
    return {user: sse.data(snapshot) for user, snapshot in by_user.items()}


def restarts(cursors: dict[int, int]) -> dict[int, int]:
    """Return the last completion's number of each user whose cursor is ahead of it, as after a restored backup."""
    try:
        starts = {owner: stream_start(owner, cursor) for owner, cursor in cursors.items()}
        return {owner: start for owner, (start, ahead) in starts.items() if ahead}
    finally:
        connection.close()


def revoked_of(accesses: set[StreamAccess]) -> set[StreamAccess]:
    """Return those that no longer hold: see access.py."""
    try:
        return revoked(accesses)
    finally:
        connection.close()
