"""Samples of the sessions that wait for a lock of the database."""

from __future__ import annotations

from collections import Counter
from threading import Event, Thread
from typing import Any

import psycopg

EVERY = 0.01
_LOOK = """
    SELECT CASE WHEN query LIKE '%queueapp_submit%' THEN 'submissions'
                WHEN query LIKE '%queueapp_take_turn%' THEN 'turns' END AS who, wait_event_type = 'Lock' AS waits
      FROM pg_stat_activity
     WHERE datname = current_database() AND state = 'active' AND pid <> pg_backend_pid()
"""


class Waits:
    """Samples pg_stat_activity about a hundred times a second, in a thread. A context manager.

    Adds to `seen`, by (submissions or turns, whether the statement waited for a heavyweight lock: of a row, a
    transaction, or an advisory lock).
    """

    def __init__(self, url: str, seen: Counter[tuple[str, bool]]) -> None:
        self._url, self._seen = url, seen
        self._stop = Event()
        self._thread = Thread(target=self._look)

    def __enter__(self) -> Waits:
        self._thread.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._stop.set()
        self._thread.join()

    def _look(self) -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            while not self._stop.wait(EVERY):
                for who, waits in connection.execute(_LOOK):
                    if who is not None:
                        self._seen[who, bool(waits)] += 1


def part(seen: Counter[tuple[str, bool]], who: str) -> float:
    """Return the fraction of samples of these statements (submissions or turns) that waited for a lock; 0 if none."""
    return seen[who, True] / max(seen[who, True] + seen[who, False], 1)
