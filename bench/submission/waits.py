"""Who waits for a lock of the database: looks at its sessions."""

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
    """Looks a hundred times a second, in a thread of its own; a context manager. Counts go on in `seen`.

    `seen`: (submissions or turns, whether it waited for a lock of a row, a transaction or a name).
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
    """The part of the looks at somebody's statements in which they waited for a lock; 0 where there was none."""
    return seen[who, True] / max(seen[who, True] + seen[who, False], 1)
