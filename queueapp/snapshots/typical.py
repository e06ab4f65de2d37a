"""How long the jobs of a task usually take, from history."""

from __future__ import annotations

from typing import NamedTuple

from django.db import connection, transaction

from ..db.routines import versioned

MAX_RUNS = 200
"""Runs that a range is made of, the last ones."""
MAX_READ = 1_000
"""Jobs of the owner that are read for them, of whichever task: 3,000 rows at most."""
MIN_RUNS = 5
"""Fewer runs make no range."""
MIN_RUNS_OF_ALL = 100
"""Fewer runs of all users make no average: it would tell what a few of them do."""

# Without statistics, an owner's outcomes seem few: the planner would read all of them, and sort.
_OWN = versioned("""
    SET LOCAL enable_bitmapscan = off;
    WITH ended AS (
        SELECT job_id, time_spent, status, number FROM queueapp_outcome
         WHERE owner_id = %(owner)s AND number > 0 ORDER BY number DESC LIMIT %(read)s
    ), runs AS (
        SELECT e.time_spent FROM ended e CROSS JOIN LATERAL queueapp_job_by_id(e.job_id) AS j
         WHERE e.status = 'succeeded' AND j.task = %(task)s ORDER BY e.number DESC LIMIT %(runs)s
    )
    SELECT count(*), percentile_cont(ARRAY[0.1, 0.5, 0.9]) WITHIN GROUP (ORDER BY time_spent) FROM runs
""")
# The totals have 120 rows for a task in a month.
_ALL = """
    SELECT coalesce(sum(succeeded + failed + cancelled), 0), sum(spent) FROM queueapp_tasktotal
     WHERE width = 21600 AND begin > clock_timestamp() - interval '30 days' AND task = %s
"""


class Typical(NamedTuple):
    """How long the jobs of a task take, in processor seconds. `usual`: what to declare.

    Of the owner's own runs: most of them took from `low` to `high`, and half of them less than `usual`. Of all users'
    (`runs` is 0): the average is in all three.
    """

    low: float
    usual: float
    high: float
    runs: int


def typical(owner: int, task: str) -> Typical | None:
    """Return how long the owner's jobs of this task took lately; else all users' of 30 days, on average.

    None: too few ended. Nothing that single other users do can be told from it. One or two queries.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_OWN, {"owner": owner, "task": task, "read": MAX_READ, "runs": MAX_RUNS})
        cursor.nextset()
        runs, parts = cursor.fetchone()
        if runs >= MIN_RUNS:
            low, usual, high = parts
            return Typical(low, usual, high, runs)
        cursor.execute(_ALL, [task])
        runs, spent = cursor.fetchone()
    return Typical(spent / runs, spent / runs, spent / runs, 0) if runs >= MIN_RUNS_OF_ALL else None
