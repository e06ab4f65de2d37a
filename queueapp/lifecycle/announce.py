"""Says after a commit that there is work, and whose queue changed.

A NOTIFY takes a lock across the whole server until its commit, so none is sent inside the hot transactions: they
are sent after commit, each in a transaction of its own, and coalesced: the first at once, further ones at most ten
times a second and process. Who misses one sees the change at the next poll.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable

from django.db import DatabaseError, InterfaceError, connection, transaction

from ..db.statements import prepared_row

WORK = "queueapp_work"
"""Channel: some flow has a backlog. No payload."""
OWNERS = "queueapp_owners"
"""Channel: the queues of these owners changed. Payload: their ids, joined by commas."""

# Nobody is told later because the announcement, too, has to reach the disk.
_NOTIFY = """
    SELECT set_config('synchronous_commit', 'off', true), pg_notify(channel, payload)
      FROM unnest(%s::text[], %s::text[]) AS c(channel, payload)
"""

logger = logging.getLogger(__name__)

INTERVAL = 0.1
"""Seconds between two announcements of a process."""
LINGER = 1.0
"""Seconds that the thread for late announcements stays without any."""
MOST_IDS = 700  # a payload has at most 8,000 bytes


class Announcer:
    """Collects what changed and sends it. One per process; safe to use from any thread.

    `driven`: whether the process itself calls try_to_send() soon after; without that the caller sends, and
    a thread is started for what comes too soon.
    """

    def __init__(self) -> None:
        self.driven = False
        self._lock = threading.Lock()
        self._owners: set[int] = set()
        self._work = False
        self._sent_at = float("-inf")
        self._something = threading.Event()
        self._thread: threading.Thread | None = None

    def add(self, owners: Iterable[int], work: bool) -> None:
        """Collect; send at once where nothing was sent for the interval, unless the process is `driven`."""
        with self._lock:
            self._owners.update(owners)
            self._work = self._work or work
        if not self.driven and not self.send_due():
            self._ensure_thread()
            self._something.set()

    def _is_due(self) -> bool:
        return time.monotonic() - self._sent_at >= INTERVAL

    def send_due(self) -> bool:
        """Send what was collected, on the calling thread's connection, where the interval is over; whether it was."""
        with self._lock:
            if not self._is_due():
                return False
            owners, self._owners = sorted(self._owners), set()
            work, self._work = self._work, False
            if owners or work:
                self._sent_at = time.monotonic()
        _notify(owners, work)
        return True

    def try_to_send(self, *, soon: bool = True) -> None:
        """Send what is due; or, not `soon`, whatever there is, as this thread is about to wait for long.

        Where the database is away nothing is sent: the next poll shows the change.
        """
        if not soon:
            with self._lock:
                self._sent_at = float("-inf")
        try:
            self.send_due()
        except (DatabaseError, InterfaceError) as error:
            logger.warning("An announcement was not sent; the next poll shows the change: %s", str(error).strip())
            connection.close()

    def close(self) -> None:
        """Wait until the thread for late announcements, if there is one, has sent them and ended."""
        if self._thread is not None:
            self._thread.join()

    def _ensure_thread(self) -> None:
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._send_later, name="announcer", daemon=True)
                self._thread.start()

    def _send_later(self) -> None:
        """Send what came too soon after the last; ends, with its connection, when nothing comes for a while."""
        try:
            while self._something.wait(LINGER):
                self._something.clear()
                time.sleep(INTERVAL)
                self.send_due()
        except DatabaseError:
            logger.warning("An announcement was not sent; the next poll shows the change.", exc_info=True)
        finally:
            connection.close()


def _notify(owners: list[int], work: bool) -> None:
    calls = [(OWNERS, ",".join(map(str, owners[i : i + MOST_IDS]))) for i in range(0, len(owners), MOST_IDS)]
    if work:
        calls.insert(0, (WORK, ""))
    if calls:
        prepared_row(_NOTIFY, [[channel for channel, _ in calls], [payload for _, payload in calls]])


announcer = Announcer()
"""This process's."""


def announce(owners: Iterable[int] = (), *, work: bool = False) -> None:
    """Say whose queue changed and whether there is work, after the present transaction's commit."""
    owners = list(owners)
    # Robust: what was committed stays accepted even where nobody can be told of it.
    transaction.on_commit(lambda: announcer.add(owners, work), robust=True)
