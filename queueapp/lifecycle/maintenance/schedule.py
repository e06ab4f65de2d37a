"""Puts due jobs into their flows.

The moment of their requested start, or of another attempt, has come, or they were submitted in a transaction of a
caller's, which was committed.
"""

from __future__ import annotations

from typing import NamedTuple

from django.db import connection

from ...db.conflicts import retried
from ...db.routines import versioned
from ..announce import announce
from ..route import route_owners

BATCH_JOBS = 500

_DUE = versioned("SELECT owners, unrouted, next_in FROM queueapp_due(%s)")


class Joined(NamedTuple):
    """Whether `any` job was put into its flow, and the seconds until the next one is due; None: none waits for that."""

    any: bool
    next_in: float | None

    @property
    def more(self) -> bool:
        """Whether further jobs are due now."""
        return self.next_in is not None and self.next_in <= 0


def join_due() -> Joined:
    """Put due jobs into their flows, at most BATCH_JOBS. Owners without a flow get one before.

    Locks: see db/sql/backlog/due.sql; if there are such owners, then as route_owners(), and as due.sql again.
    """
    owners, unrouted, next_in = retried(_due)
    if unrouted:
        route_owners(unrouted)
        further, _, next_in = retried(_due)
        owners = [*(owners or ()), *(further or ())]
    if owners:
        announce(owners, work=True)
    return Joined(bool(owners), next_in)


def _due() -> tuple[list[int] | None, list[int] | None, float | None]:
    with connection.cursor() as cursor:
        cursor.execute(_DUE, [BATCH_JOBS])
        owners, unrouted, next_in = cursor.fetchone()
        return owners, unrouted, next_in
