"""Completions: jobs that ended, in the order in which their owner is told."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

from django.db import DatabaseError, connection

from ..db.routines import versioned
from ..models import Job
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
_WAIT = versioned(
    "SELECT pg_advisory_lock(queueapp_owner_lock(id)), pg_advisory_unlock(queueapp_owner_lock(id))"
    " FROM unnest(%s::bigint[]) AS owners(id)"
)
_NOT_ENDED = versioned("""
    SELECT asked.job FROM unnest(%s::bigint[]) AS asked(job)
     CROSS JOIN LATERAL queueapp_job_by_id(asked.job)
      LEFT JOIN LATERAL (
           SELECT job_id FROM queueapp_outcome WHERE job_id >= asked.job AND job_id <= asked.job ORDER BY job_id LIMIT 1
           ) AS o ON true
     WHERE o.job_id IS NULL
""")
# The number of each owner's last completion, 0 without one, and whether the owner has the one that is asked for.
_LAST = """
    SELECT coalesce((SELECT max(number) FROM queueapp_outcome WHERE owner_id = asked.owner), 0),
           EXISTS (SELECT FROM queueapp_outcome WHERE owner_id = asked.owner AND number = asked.number)
      FROM unnest(%s::bigint[], %s::bigint[]) WITH ORDINALITY AS asked(owner, number, place) ORDER BY place
"""


class StreamStart(NamedTuple):
    """The number after which a stream begins. `reset`: completions that the client has not seen may be gone.

    The owner has no completion with the number that was asked for: it was pruned, that job is being retried, or the
    database was restored from a backup. If it is ahead of the owner's last, the stream begins after the last.
    """

    number: int
    reset: bool = False


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
        make_durable()
    jobs = Job.objects.ended_brief().in_bulk(numbers)
    found = []
    for pk, number in numbers.items():
        ended = jobs[pk].ended if pk in jobs else None
        # A job that was retried meanwhile has a higher number by now, or none: it is told later.
        if ended is not None and ended.number == number:
            job = describe(jobs[pk], ended.finished_at, ended=ended)
            found.append(Completion(ended.owner_id, number, job, jobs[pk].traceparent))
    return found


def ended_of(jobs: Collection[int]) -> set[int]:
    """Return those of these jobs that have ended, or are there no more. That is on disk then. At most two queries."""
    with connection.cursor() as cursor:
        cursor.execute(_NOT_ENDED, [list(jobs)])
        ended = set(jobs) - {job for (job,) in cursor.fetchall()}
    if ended:
        make_durable()
    return ended


def last_number(owner: int) -> int:
    """Return the number of the owner's last completion, or 0. All up to it are then visible and on disk.

    Locks: as _wait_for_lower(), unless there is none.
    """
    return stream_starts([(owner, None)])[0].number


def stream_starts(asked: Sequence[tuple[int, int | None]]) -> list[StreamStart]:
    """Return where the streams of these owners begin that ask for what follows a number (None: from now on).

    At most three queries. Locks: as _wait_for_lower(), of the owners whose streams do not begin at what they ask for.
    """
    with connection.cursor() as cursor:
        cursor.execute(_LAST, [[owner for owner, _ in asked], [number for _, number in asked]])
        rows = cursor.fetchall()
    settling = set()
    starts = []
    for (owner, number), (last, is_known) in zip(asked, rows, strict=True):
        if last and (number is None or number > last):
            settling.add(owner)
        if number is None:
            starts.append(StreamStart(last))
        else:
            starts.append(StreamStart(min(number, last), reset=number > 0 and not is_known))
    if settling:
        _wait_for_lower(sorted(settling))
        make_durable()
    return starts


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
            cursor.execute(_WAIT, [owners])
    except DatabaseError:
        # A query that is cancelled just as a lock is granted leaves the lock with the session. So end the session.
        cast(Any, connection.connection).close()
        raise


def make_durable() -> None:
    """Flush all that is visible now to disk: a commit that waits for the disk flushes all commits before it.

    Settlements commit asynchronously. If a crash undid one that was announced, its owner would hear of that job twice
    and miss the job that reuses its number.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_logical_emit_message(true, 'queueapp', '')")
