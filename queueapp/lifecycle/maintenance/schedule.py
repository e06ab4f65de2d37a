"""Puts due jobs into their flows: the moment of their requested start, or of another attempt, has come."""

from __future__ import annotations

from django.db import connection

from ...db.conflicts import retried
from ...db.routines import versioned
from ..announce import announce

BATCH_JOBS = 500

_DUE = versioned("SELECT owners, next_in FROM queueapp_due(%s)")


def join_due() -> float | None:
    """Put due jobs into their flows. Return the seconds until the next job is due. None: none waits for a moment.

    Locks: see db/sql/backlog/due.sql.
    """
    owners, next_in = retried(_due)
    if owners:
        announce(owners, work=True)
    return next_in


def _due() -> tuple[list[int] | None, float | None]:
    with connection.cursor() as cursor:
        cursor.execute(_DUE, [BATCH_JOBS])
        owners, next_in = cursor.fetchone()
        return owners, next_in
