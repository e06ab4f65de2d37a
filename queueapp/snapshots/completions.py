"""Jobs that ended, in the order in which their owner is told."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import connection
from django.db.models import Max
from django.utils import timezone

from ..models import Outcome
from .jobs import JobDict, describe

AT_ONCE = 500

_AFTER = """
    SELECT o.job_id FROM unnest(%s::bigint[], %s::bigint[]) AS cursors(owner, number)
     CROSS JOIN LATERAL (
           SELECT job_id, number FROM queueapp_outcome
            WHERE owner_id = cursors.owner AND number > cursors.number ORDER BY number LIMIT %s
           ) AS o
     ORDER BY o.number
"""


@dataclass(frozen=True)
class Completion:
    """One job that ended: its owner, its number among the owner's, and the job itself."""

    owner: int
    number: int
    job: JobDict


def completions_after(cursors: dict[int, int], limit: int = AT_ONCE) -> list[Completion]:
    """Each owner's completions after the number given for them, in order; `limit` per owner at the most.

    They are on disk when this returns. Three queries, however many owners.
    Where an owner has `limit`, there may be more: ask again after the last.
    """
    with connection.cursor() as cursor:
        cursor.execute(_AFTER, [list(cursors), list(cursors.values()), limit])
        jobs = [job for (job,) in cursor.fetchall()]
    if jobs:
        _make_durable()
    outcomes = Outcome.objects.whole().in_bulk(jobs)
    now = timezone.now()
    found = (outcomes[job] for job in jobs)
    return [Completion(o.owner_id, o.number, describe(o.job, now, ended=o)) for o in found]


def last_number(owner: int) -> int:
    """The number of the owner's last completion, which is on disk when this returns; 0: none yet."""
    last: int = Outcome.objects.filter(owner_id=owner).aggregate(last=Max("number"))["last"] or 0
    if last:
        _make_durable()
    return last


def _make_durable() -> None:
    """What can be seen now survives a crash of the database: a commit that waits for the disk flushes all before it.

    Settlements do not wait for it. Who is told of one that a crash then undoes would hear of that job twice, and
    miss another job's that gets the same number.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_logical_emit_message(true, 'queueapp', '')")
