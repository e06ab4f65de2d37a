"""announce: says after a commit that there is work, and whose queue changed.

A NOTIFY takes a lock across the whole server until its commit, so none is sent inside the hot transactions: they
are sent after commit, each in a transaction of its own, and coalesced: the first at once, further ones at most ten
times a second and process. Who misses one sees the change at the next poll.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable

from django.db import connection, transaction

WORK = "queueapp_work"
"""Channel: some flow has a backlog. No payload."""
OWNERS = "queueapp_owners"
"""Channel: the queues of these users changed. Payload: their ids, joined by commas."""

INTERVAL = 0.1
MOST_IDS = 700  # a payload has at most 8,000 bytes


class Announcer:
    """Collects what changed and sends it. One per process; safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._owners: set[int] = set()
        self._work = False
        self._sent_at = float("-inf")
        self._timer: threading.Timer | None = None

    def add(self, owners: Iterable[int], work: bool) -> bool:
        """Collect; whether the interval is over, so that the caller should send now. Else a timer will."""
        with self._lock:
            self._owners.update(owners)
            self._work = self._work or work
            if time.monotonic() - self._sent_at >= INTERVAL:
                return True
            if self._timer is None:
                self._timer = threading.Timer(INTERVAL, self._on_timer)
                self._timer.daemon = True
                self._timer.start()
            return False

    def send(self) -> None:
        """Send what was collected, on the calling thread's connection."""
        with self._lock:
            owners, self._owners = sorted(self._owners), set()
            work, self._work = self._work, False
            self._sent_at = time.monotonic()
        calls = [(OWNERS, ",".join(map(str, owners[i : i + MOST_IDS]))) for i in range(0, len(owners), MOST_IDS)]
        if work:
            calls.insert(0, (WORK, ""))
        if calls:
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT pg_notify(channel, payload) FROM unnest(%s::text[], %s::text[]) AS c(channel, payload)",
                    [[channel for channel, _ in calls], [payload for _, payload in calls]],
                )

    def _on_timer(self) -> None:
        with self._lock:
            self._timer = None
        try:
            self.send()
        finally:
            connection.close()


_announcer = Announcer()


def announce(owners: Iterable[int] = (), *, work: bool = False) -> None:
    """Say whose queue changed and whether there is work, after the present transaction's commit."""
    owners = list(owners)
    # Robust: what was committed stays accepted even where nobody can be told of it.
    transaction.on_commit(lambda: _announce(owners, work), robust=True)


def _announce(owners: list[int], work: bool) -> None:
    if _announcer.add(owners, work):
        _announcer.send()
