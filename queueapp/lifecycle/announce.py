"""Announces, after a commit, that there is work and whose queue changed.

A transaction with a NOTIFY holds a server-wide lock while it commits. So the hot transactions send none: it follows
their commit, in a transaction of its own. Announcements are coalesced: the first goes at once, further ones at most ten
times a second per process. If one is lost, the next poll shows the change.
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
"""Channel: the queues of these owners changed. Payload: their ids, separated by commas."""
EVERYONE = 0
"""Among these ids: the queues of all owners changed. No owner has it."""

# The commit does not wait for the disk, so that listeners hear sooner.
_NOTIFY = """
    SELECT set_config('synchronous_commit', 'off', true), pg_notify(channel, payload)
      FROM unnest(%s::text[], %s::text[]) AS c(channel, payload)
"""

logger = logging.getLogger(__name__)

INTERVAL = 0.1
"""Minimum seconds between two announcements of a process, except before a long wait (try_to_send)."""
THREAD_IDLE_SECONDS = 1.0
"""Seconds without an announcement after which the thread for late ones ends."""
MAX_IDS = 700  # a payload has at most 8,000 bytes


class Announcer:
    """Collects changes and sends them. One per process; thread-safe.

    `driven`: the process calls try_to_send() soon after add(). Otherwise add() sends, and starts a thread for changes
    that come too soon.
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
        """Collect changes. Unless the process is `driven`, send them at once, or by a thread after the interval."""
        with self._lock:
            self._owners.update(owners)
            self._work = self._work or work
        if not self.driven and not self.send_due():
            self._ensure_thread()
            self._something.set()

    def _is_due(self) -> bool:
        return time.monotonic() - self._sent_at >= INTERVAL

    def send_due(self) -> bool:
        """If the interval is over, send the changes on the calling thread's connection. Return whether it was."""
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
        """Send what is due; if not `soon`, everything, because this thread is about to wait for long.

        If the database is away, log a warning and send nothing: the next poll shows the change.
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
        """Wait until the thread for late announcements, if any, has sent them and ended."""
        if self._thread is not None:
            self._thread.join()

    def _ensure_thread(self) -> None:
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._send_later, name="announcer", daemon=True)
                self._thread.start()

    def _send_later(self) -> None:
        """Send what came too soon. After THREAD_IDLE_SECONDS without any, close the connection and end."""
        try:
            while self._something.wait(THREAD_IDLE_SECONDS):
                self._something.clear()
                time.sleep(INTERVAL)
                self.send_due()
        except DatabaseError:
            logger.warning("An announcement was not sent; the next poll shows the change.", exc_info=True)
        finally:
            connection.close()


def _notify(owners: list[int], work: bool) -> None:
    calls = [(OWNERS, ",".join(map(str, owners[i : i + MAX_IDS]))) for i in range(0, len(owners), MAX_IDS)]
    if work:
        calls.insert(0, (WORK, ""))
    if calls:
        prepared_row(_NOTIFY, [[channel for channel, _ in calls], [payload for _, payload in calls]])


announcer = Announcer()
"""The announcer of this process."""


def announce(owners: Iterable[int] = (), *, work: bool = False) -> None:
    """Announce whose queue changed and whether there is work, after the present transaction's commit.

    Without autocommit, and outside of atomic(), nobody says when that is: the next poll shows the change.
    """
    if not connection.in_atomic_block and not connection.get_autocommit():
        return
    owners = list(owners)
    # Robust: what was committed stays accepted even if the announcement fails.
    transaction.on_commit(lambda: announcer.add(owners, work), robust=True)
