"""Completions: jobs that ended, in the order in which their owner is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from django.db import DatabaseError, connection
from django.db.models import Max

from ..models import Job, Outcome
from . import shapes
from .jobs import describe

BATCH_COMPLETIONS = 500

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
    """One job that ended: its owner, its number, and the job. Numbers are of one sequence for all owners.

    `traceparent`: of the job's submission, if that was traced.
    """

    owner: int
    number: int
    job: shapes.Job
    traceparent: str | None = None


def completions_after(cursors: dict[int, int], limit: int = BATCH_COMPLETIONS) -> list[Completion]:
    """Return each owner's completions after the number given for the owner, in order; at most `limit` per owner.

    They are on disk when this returns. If an owner has `limit`, there may be more: ask again after the last.
    At most six queries, however many owners. Locks: as _wait_for_lower().
    """
    numbers = _ended_after(cursors, limit)
    if numbers:
        _make_durable()
    jobs = Job.objects.ended_brief().in_bulk(numbers)
    found = []
    for pk, number in numbers.items():
        ended = jobs[pk].ended if pk in jobs else None
        # A job that was retried meanwhile has a higher number by now, or none: it is told later.
        if ended is not None and ended.number == number:
            job = describe(jobs[pk], ended.finished_at, ended=ended)
            found.append(Completion(ended.owner_id, number, job, jobs[pk].traceparent))
    return found


def last_number(owner: int) -> int:
    """Return the number of the owner's last completion, or 0. All up to it are then visible and on disk.

    Locks: as _wait_for_lower(), unless there is none.
    """
    last = _last_seen(owner)
    if last:
        _wait_for_lower([owner])
        _make_durable()
    return last


def stream_start(owner: int, asked: int | None) -> tuple[int, bool]:
    """Return the number after which a stream begins, and whether it differs from `asked` (None: from now on).

    It differs if `asked` is ahead of the owner's last number: the database was restored from before it, or that job is
    being retried. Locks: as last_number(), unless the stream begins at `asked`.
    """
    if asked is not None and asked <= _last_seen(owner):
        return asked, False
    last = last_number(owner)
    return last, asked is not None and asked > last


def _last_seen(owner: int) -> int:
    return Outcome.objects.filter(owner_id=owner).aggregate(last=Max("number"))["last"] or 0


def _ended_after(cursors: dict[int, int], limit: int) -> dict[int, int]:
    """Return the jobs with their numbers, in the order of the numbers: of each owner up to the last visible now.

    Reads twice: a lower number may be committed meanwhile.
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
    """Wait until all outcomes with lower numbers than those seen are committed, too.

    A settlement locks the owner, shared, from before it draws a number until it commits (record.sql). Locks: each owner
    (advisory, exclusive), one after the other; each is released at once.
    """
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_advisory_lock(queueapp_owner_lock(id)), pg_advisory_unlock(queueapp_owner_lock(id))"
                " FROM unnest(%s::bigint[]) AS owners(id)",
                [owners],
            )
    except DatabaseError:
        # A query that is cancelled just as a lock is granted leaves the lock with the session. So end the session.
        cast(Any, connection.connection).close()
        raise


def _make_durable() -> None:
    """Flush all that is visible now to disk: a commit that waits for the disk flushes all commits before it.

    Settlements commit asynchronously. If a crash undid one that was announced, its owner would hear of that job twice
    and miss the job that reuses its number.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_logical_emit_message(true, 'queueapp', '')")
