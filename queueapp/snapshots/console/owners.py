"""Ended jobs and their waits in a span, by owner: of the newest MAX_READ jobs that ended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from django.utils.translation import gettext

from ...db.routines import versioned
from ...models import Owner
from .ended import MAX_ROWS, Row, Waits

MAX_READ = 5_000
"""Ended jobs that are read: the newest ones."""

_DRAWN = "SELECT last_value FROM queueapp_outcome_number"
# Totals know the owners of flows only, and days. So the newest jobs are read by their numbers, which follow the order
# in which they ended, about. Each by its keys, whatever the statistics say. A wait ends with the last attempt's start.
_OWNERS = versioned("""
    SELECT o.owner_id, count(*), count(*) FILTER (WHERE o.status = 'failed'),
           count(*) FILTER (WHERE o.status = 'cancelled'), sum(o.time_spent), count(o.started_at),
           percentile_disc(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY
               greatest(extract(epoch FROM o.started_at - greatest(j.submitted_at, j.run_at, before.finished_at)), 0)
           ) FILTER (WHERE o.started_at IS NOT NULL), o.oldest
      FROM (SELECT *, min(finished_at) OVER () AS oldest FROM queueapp_outcome WHERE number > %(number)s) AS o
     CROSS JOIN LATERAL queueapp_job_by_id(o.job_id) AS j
      LEFT JOIN LATERAL (SELECT finished_at FROM queueapp_attempt AS a
                          WHERE o.attempt > 1 AND a.job_id = o.job_id AND a.number = o.attempt - 1) AS before ON true
     WHERE o.finished_at >= %(begin)s
     GROUP BY o.owner_id, o.oldest ORDER BY count(*) DESC, o.owner_id LIMIT %(most)s
""")
_MORE = "SELECT EXISTS (SELECT FROM queueapp_outcome WHERE finished_at >= %(begin)s AND number <= %(number)s)"


@dataclass(frozen=True)
class Owners:
    """The owners of whom the most jobs ended. `complete_from`: see Failures."""

    rows: list[Row]
    complete_from: datetime | None


def by_owner(begin: datetime) -> Owners:
    """Return what ended since then, by owner: at most the newest MAX_READ jobs. Four queries."""
    with connection.cursor() as cursor:
        cursor.execute(_DRAWN)
        given = {"number": cursor.fetchone()[0] - MAX_READ, "begin": begin, "most": MAX_ROWS}
        cursor.execute(_OWNERS, given)
        found = cursor.fetchall()
        cursor.execute(_MORE, given)
        (more,) = cursor.fetchone()
    owners = Owner.objects.select_related("user").in_bulk([row[0] for row in found])
    rows = [
        Row(
            owners[owner].name if owner in owners else gettext("an owner who is gone"),
            owner, ended, failed, spent, cancelled, waits=Waits(started, *map(float, waits or ())),
        )
        for owner, ended, failed, cancelled, spent, started, waits, _ in found
    ]  # fmt: skip
    return Owners(rows, found[0][-1] if found and more else None)
