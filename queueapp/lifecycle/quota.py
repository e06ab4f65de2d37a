"""The quota: how many jobs of one owner may wait at once."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from django.db import connection

from ..conf import queue_settings
from ..errors import BacklogFull

CACHE_SECONDS = 10.0
"""Seconds after which an owner's jobs are counted again."""
FULL_CACHE_SECONDS = 1.0
"""The same after a count that found no room."""
CACHE_DIVISOR = 8
"""A process uses one part in CACHE_DIVISOR of the room that it found, then counts again: others accept jobs, too."""
MAX_CACHED = 10_000
"""Maximum number of owners whose room is remembered."""


@dataclass
class Room:
    """The result of a count: jobs `left` to accept before the next one, `until` when (time.monotonic); or `full`."""

    left: int
    until: float
    full: bool = False


_known: dict[int, Room] = {}
_lock = threading.Lock()


def make_room(adding: dict[int, int]) -> None:
    """Reserve room for so many new jobs of each owner (by id). Raises BacklogFull if an owner has too little.

    Counting a million jobs takes a tenth of a second. So jobs are counted now and then, and the room found is used up
    in between. The quota is not exact: several processes together may accept a few jobs more.
    """
    most = queue_settings().MAX_WAITING_JOBS
    if most > 0:
        for owner, many in adding.items():
            _make_room(owner, many, most)


def _make_room(owner: int, many: int, most: int) -> None:
    if _has_room(owner, many, most):
        return
    free = most - count_waiting(owner, most)
    with _lock:
        if len(_known) >= MAX_CACHED:
            _known.clear()
        if free >= many:
            _known[owner] = Room((free - many) // CACHE_DIVISOR, time.monotonic() + CACHE_SECONDS)
        elif free == 0:
            _known[owner] = Room(0, time.monotonic() + FULL_CACHE_SECONDS, full=True)
    if free < many:
        raise BacklogFull(most)


def _has_room(owner: int, many: int, most: int) -> bool:
    """Whether an earlier count left room for so many; if so, take it. Raises BacklogFull if it found none."""
    with _lock:
        room = _known.get(owner)
        if room is None or time.monotonic() >= room.until:
            return False
        if room.full:
            raise BacklogFull(most)
        enough = many <= room.left
        room.left -= many * enough
        return enough


def free_room(owner: int) -> int | None:
    """Return how many more jobs of an owner may wait now, and reserve nothing. None: there is no quota."""
    most = queue_settings().MAX_WAITING_JOBS
    return max(most - count_waiting(owner, most), 0) if most > 0 else None


def count_waiting(owner: int, most: int) -> int:
    """Return how many jobs of the owner wait, counted up to `most`."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM (SELECT FROM queueapp_waiting WHERE owner_id = %s LIMIT %s) AS first", [owner, most]
        )
        count: int = cursor.fetchone()[0]
        return count


def forget_counts() -> None:
    """Forget all counts: the next submission counts again."""
    with _lock:
        _known.clear()
