"""Puts due jobs into their flows.

The moment of their requested start, or of another attempt, has come, or they were submitted in a transaction of a
caller's, which was committed.
"""

from __future__ import annotations

from django.db import connection

from ...db.conflicts import retried
from ...db.routines import versioned
from ..announce import announce
from ..route import route_owners

BATCH_JOBS = 500

_DUE = versioned("SELECT owners, unrouted, next_in FROM queueapp_due(%s)")


def join_due() -> float | None:
    """Put due jobs into their flows. Return the seconds until the next job is due. None: none waits for a moment.

    At most BATCH_JOBS; if there are more, the seconds are none or negative. Owners without a flow get one before.
    Locks: see db/sql/backlog/due.sql; if there are such owners, then as route_owners(), and as due.sql again.
    """
    owners, unrouted, next_in = retried(_due)
    if unrouted:
        route_owners(unrouted)
        further, _, next_in = retried(_due)
        owners = [*(owners or ()), *(further or ())]
    if owners:
        announce(owners, work=True)
    return next_in


def _due() -> tuple[list[int] | None, list[int] | None, float | None]:
    with connection.cursor() as cursor:
        cursor.execute(_DUE, [BATCH_JOBS])
        owners, unrouted, next_in = cursor.fetchone()
        return owners, unrouted, next_in
