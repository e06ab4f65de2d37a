"""Whether a cluster is stuck. kill -9 of an idle django-q2 worker that holds the lock of the tasks' queue leaves the
lock taken for good: its processes live, the new worker's heart beats, and no ticket reaches anyone."""

from __future__ import annotations

import logging
import time

from django.db import DatabaseError, InterfaceError, connection

from ..conf import queue_settings

logger = logging.getLogger(__name__)

LOOK_EVERY = 1.0
"""Seconds between two looks."""

# What must change: the turns that the cluster's processors have taken, or who they are. No row: all are at work, or
# there is none. A cluster none of whose processors lives waits in vain too. One that waits for a lock does not: a fresh
# cluster would wait for the same.
_WAITING_IN_VAIN = """
    SELECT coalesce(sum(turn)::text || ' of ' || array_agg(id ORDER BY id)::text, 'none') FROM queueapp_processor
     WHERE cluster = %s AND lease_until > clock_timestamp()
    HAVING (count(*) = 0 OR bool_or(cardinality(jobs) = 0 AND NOT draining))
       AND EXISTS (SELECT FROM queueapp_flowstate WHERE ready) AND NOT queueapp_all_paused()
       AND NOT EXISTS (
           SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')
"""


class Watchdog:
    """Looks once a second, on the calling thread's connection. One per cluster."""

    def __init__(self) -> None:
        self._looked_at = float("-inf")
        self._state: str | None = None
        self._since = time.monotonic()

    def is_stuck(self, cluster: str) -> bool:
        """Whether for WATCHDOG_SECONDS a flow was ready, a processor of the cluster free, and nobody claimed."""
        now = time.monotonic()
        if now - self._looked_at < LOOK_EVERY:
            return False
        self._looked_at = now
        state = self._look(cluster)
        if state is None or state != self._state:
            self._state, self._since = state, now
        return state is not None and now - self._since >= queue_settings().WATCHDOG_SECONDS

    def _look(self, cluster: str) -> str | None:
        """None also while the database is away: nobody can claim then."""
        try:
            with connection.cursor() as cursor:
                cursor.execute(_WAITING_IN_VAIN, [cluster])
                row = cursor.fetchone()
        except (DatabaseError, InterfaceError) as error:
            logger.warning("The watchdog could not look: %s", str(error).strip())
            connection.close()
            return None
        return row[0] if row else None
