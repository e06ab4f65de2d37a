"""What an owner used over the last days: jobs that ended and processor seconds, by day and by task."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from datetime import date, timedelta
from operator import attrgetter
from typing import NamedTuple, TypeVar

from django.db import connection

from ..db.routines import versioned
from ..models import Owner, at_one_moment
from .shapes import Use, UseOfDay, UseOfTask, UseSums

DAYS = 30
"""Days that are told, today included. Totals are kept for longer."""

K = TypeVar("K", bound=Hashable)

_USED = versioned("SELECT * FROM queueapp_used(%s, %s)")


class _Row(NamedTuple):
    day: date
    task: str
    succeeded: int
    failed: int
    cancelled: int
    spent: float


def use_of(owner: Owner) -> Use:
    """Return what this owner used on each of the last DAYS days (UTC), and for each task in all of them.

    Jobs count for the day on which they ended, processor seconds for the day on which the attempt ended that took them.
    Reads a row per day and task, and what ended since the totals were written, usually ten seconds ago. Locks: none.
    """
    with at_one_moment() as now, connection.cursor() as cursor:
        days = [now.date() - timedelta(days=ago) for ago in reversed(range(DAYS))]
        cursor.execute(_USED, [owner.pk, days])
        rows = [_Row(*row) for row in cursor.fetchall()]
    by_day, by_task = _summed(rows, attrgetter("day")), _summed(rows, attrgetter("task"))
    tasks = sorted(by_task, key=lambda task: (-by_task[task]["time_spent"], task))
    return Use(
        days=[UseOfDay(day=day.isoformat(), **by_day.get(day, _sums([]))) for day in days],
        tasks=[UseOfTask(task=task, **by_task[task]) for task in tasks],
        total=_sums(rows),
    )


def _summed(rows: list[_Row], key: Callable[[_Row], K]) -> dict[K, UseSums]:
    groups: dict[K, list[_Row]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return {name: _sums(group) for name, group in groups.items()}


def _sums(rows: list[_Row]) -> UseSums:
    return UseSums(
        succeeded=sum(row.succeeded for row in rows),
        failed=sum(row.failed for row in rows),
        cancelled=sum(row.cancelled for row in rows),
        time_spent=sum(row.spent for row in rows),
    )
