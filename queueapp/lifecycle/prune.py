"""prune: finished jobs that are older than the retention are deleted. Run daily, by a django-q2 schedule."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import connection

from ..conf import queue_settings
from ..models import database_now

AT_ONCE = 1_000

# Outcomes lie in the order of their ends: the index on these (BRIN) leads to the oldest.
_PRUNE = """
    WITH old AS (
        SELECT job_id FROM queueapp_outcome WHERE finished_at < %s LIMIT %s
    ), outcomes AS (DELETE FROM queueapp_outcome o USING old WHERE o.job_id = old.job_id
    ), attempts AS (DELETE FROM queueapp_attempt a USING old WHERE a.job_id = old.job_id
    )
    DELETE FROM queueapp_job j USING old WHERE j.id = old.job_id
"""


def prune() -> int:
    """Delete what ended more than RETENTION_DAYS ago, with all that is known of it; how many jobs. 0 days: nothing.

    In batches, each a transaction. Locks: the rows that it deletes.
    """
    days = queue_settings().RETENTION_DAYS
    if days == 0:
        return 0
    before, pruned = database_now() - timedelta(days=days), 0
    with connection.cursor() as cursor:
        while True:
            cursor.execute(_PRUNE, [before, AT_ONCE])
            batch: int = cursor.rowcount
            pruned += batch
            if batch < AT_ONCE:
                return pruned


def schedule(**_: Any) -> None:
    """Have django-q2 run it daily; receiver of post_migrate. A schedule that staff changed stays as it is."""
    from django_q.models import Schedule

    Schedule.objects.get_or_create(
        name="Prune finished jobs",
        defaults={"func": "queueapp.lifecycle.prune.prune", "schedule_type": Schedule.DAILY},
    )
