"""Jobs that ended, in the order in which their owner is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from django.db import DatabaseError, connection
from django.db.models import Max

from ..models import Job, Outcome
from .jobs import JobDict, describe

AT_ONCE = 500

_AFTER = """
    SELECT o.job_id, owner, o.number FROM unnest(%s::bigint[], %s::bigint[]) AS cursors(owner, number)
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
    """Each owner's completions after the number given for them, in order; `limit` per owner at most.

    They are on disk when this returns. Five queries, however many owners.
    Where an owner has `limit`, there may be more: ask again after the last. Locks: as _wait_for_lower().
    """
    numbers = _ended_after(cursors, limit)
    if numbers:
        _make_durable()
    jobs = Job.objects.ended_brief().in_bulk(numbers)
    found = []
    for pk, number in numbers.items():
        ended = jobs[pk].ended if pk in jobs else None
        # One that was tried again meanwhile has another number by now, or none: it is told after all that are lower.
        if ended is not None and ended.number == number:
            found.append(Completion(ended.owner_id, number, describe(jobs[pk], ended.finished_at, ended=ended)))
    return found


def last_number(owner: int) -> int:
    """The number of the owner's last completion; 0: none yet. All up to it can be seen, and are on disk, by then.

    Locks: as _wait_for_lower().
    """
    last = _last_seen(owner)
    if last:
        _wait_for_lower([owner])
        _make_durable()
    return last


def stream_start(owner: int, asked: int | None) -> tuple[int, bool]:
    """The number after which a stream begins, and whether it is not the one that was asked for (None: from now on).

    So it is where that one is ahead of the owner's last: the database was restored from before it, or that job is being
    tried again. Locks: as last_number(), unless it begins where it was asked for.
    """
    if asked is not None and asked <= _last_seen(owner):
        return asked, False
    last = last_number(owner)
    return last, asked is not None and asked > last


def _last_seen(owner: int) -> int:
    return Outcome.objects.filter(owner_id=owner).aggregate(last=Max("number"))["last"] or 0


def _ended_after(cursors: dict[int, int], limit: int) -> dict[int, int]:
    """The jobs with their numbers, in the order of these: of each owner those up to the last that can be seen now.

    Read twice: one with a lower number may be committed meanwhile.
    """
    with connection.cursor() as cursor:
        asked: list[Any] = [list(cursors), list(cursors.values()), limit]
        cursor.execute(_AFTER, asked)
        last = {owner: number for _, owner, number in cursor.fetchall()}
        if not last:
            return {}
        _wait_for_lower(list(last))
        cursor.execute(_AFTER, asked)
        return {job: number for job, owner, number in cursor.fetchall() if number <= last.get(owner, 0)}


def _wait_for_lower(owners: list[int]) -> None:
    """Wait until all outcomes with lower numbers than any that was seen before are committed, too.

    Whoever has drawn a number keeps the owner locked, shared, until the commit: see record.sql. Locks: each owner
    (advisory, exclusive), one after the other, for no longer than it takes to get it.
    """
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_advisory_lock(queueapp_owner_lock(id)), pg_advisory_unlock(queueapp_owner_lock(id))"
                " FROM unnest(%s::bigint[]) AS owners(id)",
                [owners],
            )
    except DatabaseError:
        # Cancelled in the moment in which a lock was granted, the session would keep it: it ends.
        cast(Any, connection.connection).close()
        raise


def _make_durable() -> None:
    """What can be seen now survives a crash of the database: a commit that waits for the disk flushes all before it.

    Settlements do not wait for it. Who is told of one that a crash then undoes would hear of that job twice, and
    miss another job's that gets the same number.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_logical_emit_message(true, 'queueapp', '')")
