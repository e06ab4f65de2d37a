"""What the hub asks the database, in worker threads: connections are given back at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.db import connection

from ..snapshots import completions_after, progress_snapshots, queue_snapshots, stream_start
from . import sse
from .access import StreamAccess, revoked


@dataclass(frozen=True)
class EncodedCompletion:
    """A completion: its owner, its number among the owner's, and the job as sse.data() has it."""

    owner: int
    number: int
    data: bytes


@dataclass
class Completions:
    """The completions of some users after the number given for each; of a user who is not among them, none."""

    after: dict[int, int]
    found: list[EncodedCompletion]


@dataclass
class Batch:
    """What one batch of queries brought, by user, as sse.data() has it: once for all of a user's streams."""

    queues: dict[int, bytes] = field(default_factory=dict)
    progress: dict[int, bytes] = field(default_factory=dict)
    completions: list[Completions] = field(default_factory=list)


def read_batch(fresh: set[int], cursors: list[dict[int, int]], running: list[int]) -> Batch:
    """One batch of queries. `cursors`: after which numbers completions are asked for, by user.

    Completions first: a queue that was read after them is never older than they are.
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
    return [EncodedCompletion(done.owner, done.number, sse.data(done.job)) for done in completions_after(after)]


def _encoded(by_user: dict[int, dict[str, Any]]) -> dict[int, bytes]:
    return {user: sse.data(snapshot) for user, snapshot in by_user.items()}


def restarts(cursors: dict[int, int]) -> dict[int, int]:
    """Of the users whose number is ahead of their last completion's, as after a restore of the database, that one's."""
    try:
        starts = {owner: stream_start(owner, cursor) for owner, cursor in cursors.items()}
        return {owner: start for owner, (start, ahead) in starts.items() if ahead}
    finally:
        connection.close()


def revoked_of(accesses: set[StreamAccess]) -> set[StreamAccess]:
    """Those that hold no more: see access.py."""
    try:
        return revoked(accesses)
    finally:
        connection.close()
