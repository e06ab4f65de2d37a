"""The watchdog: finds out whether a cluster is stuck.

The pusher may hang, in a library or on a network file system, while all processes live and the leases are extended.
Then no ticket reaches a worker.
"""

from __future__ import annotations

import logging
import time
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, InterfaceError, connection

from ..conf import queue_settings
from ..db.routines import GONE, are_gone, versioned
from ..db.sessions import reason

logger = logging.getLogger(__name__)

POLL_SECONDS = 1.0
"""Seconds between two looks."""
MAX_PATIENCE = 16
"""The longest time without a claim that counts as stuck, in WATCHDOG_SECONDS."""

# The ids of the cluster's live processors and the sum of their turns; and whether one of them must change: a processor
# is idle, or none is alive, and a flow is ready. Not so if everything is paused, or if a session waits for a lock: a
# fresh cluster would wait for the same lock.
_LOOK = versioned("""
    SELECT array_agg(id ORDER BY id), sum(turn),
           (count(*) = 0 OR bool_or(cardinality(jobs) = 0 AND NOT draining))
           AND EXISTS (SELECT FROM queueapp_flowstate WHERE ready) AND NOT queueapp_all_paused()
           AND NOT EXISTS (
               SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')
      FROM queueapp_processor WHERE cluster = %s AND lease_until > clock_timestamp()
""")


class Watchdog:
    """Looks at most once a second, on the calling thread's connection."""

    def __init__(self) -> None:
        self._looked_at = float("-inf")
        self._seen: tuple[Any, Any] = (None, None)
        """The processors, and the sum of their turns."""
        self._waits = False
        """Whether work waited in vain then."""
        self._since = time.monotonic()
        self._doubled = 1

    @property
    def patience(self) -> float:
        """Seconds without a claim after which the cluster is stuck: WATCHDOG_SECONDS, doubled with each restart.

        A host that is so busy that a cluster makes no claim in that time would otherwise start clusters for ever. Any
        claim sets it back.
        """
        return queue_settings().WATCHDOG_SECONDS * self._doubled

    def restarted(self) -> None:
        """Note that the cluster was stuck, and that another has taken its place."""
        self._waits = False
        self._doubled = min(2 * self._doubled, MAX_PATIENCE)

    def is_stuck(self, cluster: str) -> bool:
        """Whether for `patience` seconds a flow was ready, a processor idle or none alive, and no claim was made.

        Raises ImproperlyConfigured if the database has been upgraded past this version: no claim can be made any more.
        """
        now = time.monotonic()
        if now - self._looked_at < POLL_SECONDS:
            return False
        self._looked_at = now
        before = self._seen
        waits = self._look(cluster)
        if self._seen[0] == before[0] and self._seen[1] != before[1]:
            self._doubled = 1  # the same processors have claimed
        if not waits or not self._waits or self._seen != before:
            self._since = now
        self._waits = waits
        return waits and now - self._since >= self.patience

    def _look(self, cluster: str) -> bool:
        """Note the processors and their turns. Return whether work waits in vain.

        Not while the database is away: nobody can claim then.
        """
        try:
            with connection.cursor() as cursor:
                cursor.execute(_LOOK, [cluster])
                processors, turns, waits = cursor.fetchone()
        except (DatabaseError, InterfaceError) as error:
            connection.close()
            if are_gone(error):
                raise ImproperlyConfigured(GONE) from error
            logger.warning("The watchdog could not look: %s", reason(error))
            return False
        self._seen = processors, turns
        return bool(waits)
