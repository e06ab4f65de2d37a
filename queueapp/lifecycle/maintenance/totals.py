"""Counts work that has ended in the totals, and deletes old totals, a batch at a time."""

from __future__ import annotations

from datetime import timedelta

from django.db import connection

from ...conf import queue_settings
from ...db.conflicts import retried
from ...db.routines import versioned
from ...models import WIDTHS

BATCH_JOBS = 1_000
"""Maximum outcomes, and attempts, that one call counts."""
COUNT_EVERY = 10.0
"""Seconds between two rounds. What ended since the last one is read one by one by whoever asks for shares."""
LONG = 1_800
"""Seconds of the buckets whose totals are kept longer than finished jobs."""
LONG_KEPT = timedelta(days=31)
"""Minimum time that these are kept."""
BATCH_ROWS = 10_000
"""Maximum rows of totals that one call deletes."""

_COUNT = versioned("SELECT queueapp_count_ended(%s, %s, %s)")
_PRUNE = """
    DELETE FROM queueapp_{0} t USING (
        SELECT width, begin, {1} FROM queueapp_{0}
         WHERE width = %s AND begin < clock_timestamp() - make_interval(days => %s) LIMIT %s
           FOR UPDATE SKIP LOCKED
    ) AS old
     WHERE t.width = old.width AND t.begin = old.begin AND t.{1} = old.{1}
"""

_PRUNE_OWNERS = """
    DELETE FROM queueapp_ownertotal t USING (
        SELECT day, owner_id, task FROM queueapp_ownertotal
         WHERE day < (clock_timestamp() AT TIME ZONE 'UTC')::date - %s LIMIT %s FOR UPDATE SKIP LOCKED
    ) AS old
     WHERE t.day = old.day AND t.owner_id = old.owner_id AND t.task = old.task
"""


def count_ended(*, at_once: bool = False) -> bool:
    """Count up to BATCH_JOBS jobs that have ended, each once. Return whether there is more to count.

    Call it outside of any transaction, and soon again if there is more. `at_once`: begin a round even if the last one
    was less than COUNT_EVERY ago. A full batch takes 0.04 to 0.2 s. Locks: see db/sql/totals/count_ended.sql.
    """
    return bool(retried(lambda: _count(0.0 if at_once else COUNT_EVERY)))


def _count(every: float) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, [list(WIDTHS), BATCH_JOBS, every])
        return bool(cursor.fetchone()[0])


def prune_totals() -> bool:
    """Delete old totals, up to BATCH_ROWS of each kind. Return whether there may be more.

    They are kept as long as finished jobs, RETENTION_DAYS; those of owners, and of LONG buckets, LONG_KEPT at least.
    Locks: the rows.
    """
    days = queue_settings().RETENTION_DAYS
    if days == 0:
        return False
    more = False
    with connection.cursor() as cursor:
        for width in WIDTHS:
            kept = max(days, LONG_KEPT.days) if width >= LONG else days
            for table, key in (("flowtotal", "flow_id"), ("tasktotal", "task")):
                cursor.execute(_PRUNE.format(table, key), [width, kept, BATCH_ROWS])
                more = more or cursor.rowcount == BATCH_ROWS
        cursor.execute(_PRUNE_OWNERS, [max(days, LONG_KEPT.days), BATCH_ROWS])
        return more or cursor.rowcount == BATCH_ROWS
