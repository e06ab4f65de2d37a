"""What the hub asks the database, in worker threads: connections are given back at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.db import connection

from ..guard.passes import Pass, ended
from ..snapshots import Completion, completions_after, progress_snapshots, queue_snapshots, stream_start


@dataclass
class Completions:
    """The completions of some users after the number given for each; of a user who is not among them, none."""

    after: dict[int, int]
    found: list[Completion]


@dataclass
class Look:
    """What one look at the database brought, by user."""

    queues: dict[int, dict[str, Any]] = field(default_factory=dict)
    progress: dict[int, dict[str, Any]] = field(default_factory=dict)
    completions: list[Completions] = field(default_factory=list)


def look(fresh: set[int], cursors: list[dict[int, int]], running: list[int]) -> Look:
    """One look at the database. `cursors`: after which numbers completions are asked for, by user.

    Completions first: a queue that was read after them is never older than they are.
    """
    try:
        return Look(
            completions=[Completions(after, completions_after(after)) for after in cursors if after],
            queues=queue_snapshots(fresh) if fresh else {},
            progress=progress_snapshots(running) if running else {},
        )
    finally:
        connection.close()


def restarts(cursors: dict[int, int]) -> dict[int, int]:
    """Of the users whose number is ahead of their last completion's, as after a restore of the database, that one's."""
    try:
        starts = {owner: stream_start(owner, cursor) for owner, cursor in cursors.items()}
        return {owner: start for owner, (start, ahead) in starts.items() if ahead}
    finally:
        connection.close()


def over(passes: set[Pass]) -> set[Pass]:
    """Those that hold no more."""
    try:
        return ended(passes)
    finally:
        connection.close()
