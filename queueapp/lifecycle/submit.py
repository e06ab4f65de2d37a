"""Accepts jobs durably into the backlog of their owner's flow."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import psycopg
from django.db import DatabaseError, connection, transaction

from .. import tracing
from ..db.caller import in_transaction
from ..db.conflicts import retried
from ..db.routines import versioned
from ..db.statements import prepared_row
from ..errors import BacklogFull, JobConflict
from ..models import Owner
from .announce import announce
from .quota import make_room
from .route import route_owner
from .validation import Submission

_SUBMIT = versioned("SELECT * FROM queueapp_submit(%s::bigint[], %s::jsonb, %s, %s)")
_EXISTING = """
    SELECT a.n::int - 1, (j.task, j.payload, j.duration, j.time_limit, j.memory_limit, j.run_at)
           IS NOT DISTINCT FROM (asked->>'task', asked->'payload', (asked->>'duration')::float8,
                                 (asked->>'time_limit')::float8, (asked->>'memory_limit')::float8,
                                 (asked->>'run_at')::timestamptz)
      FROM jsonb_array_elements(%s::jsonb) WITH ORDINALITY AS a(asked, n)
      JOIN queueapp_job j ON j.owner_id = %s AND j.name = asked->>'name'
"""
MAX_POSITION = 100
"""Maximum number of jobs ahead of a new one that are counted."""
after_submission: Callable[[], object] | None = None
"""A call after each submission, or after the commit of its transaction. queueapp/testing.py sets it."""


@dataclass(frozen=True)
class Newest:
    """The last of the new jobs: its key, when it was submitted, and its position in its flow, from 1.

    No position: it is in no flow yet, or at least MAX_POSITION jobs are ahead of it.
    """

    id: int
    submitted_at: datetime
    position: int | None


@dataclass(frozen=True)
class Accepted:
    """The result of a submission: how many jobs are new, and how many existed with the same content."""

    accepted: int
    existing: int
    newest: Newest | None = None


def submit(owner: Owner, submissions: Sequence[Submission], *, quota: bool = True) -> Accepted:
    """Accept the jobs of one owner; otherwise like submit_each()."""
    return submit_each([(owner, submission) for submission in submissions], quota=quota)


def submit_each(asked: Sequence[tuple[Owner, Submission]], *, quota: bool = True) -> Accepted:
    """Accept jobs, each of its owner, all or none, in the order given.

    Committed when this returns, unless the caller has begun a transaction. Then the jobs are accepted by its commit,
    and a broker puts them into their flows afterwards (maintenance/schedule.py).
    Raises JobConflict, with the indexes, if a job_id exists with other content, and BacklogFull if an owner has no room
    for the new jobs; not without `quota`, as for jobs of the queue itself. Locks: see db/sql/backlog/submit.sql.
    """
    with tracing.submission(job for _, job in asked) as traceparent:
        if quota:
            _make_room(asked)
        return _accept(asked, {} if traceparent is None else {"traceparent": traceparent})


def _accept(asked: Sequence[tuple[Owner, Submission]], trace: Mapping[str, str]) -> Accepted:
    owners, later = {owner.pk: owner for owner, _ in asked}, in_transaction()
    for owner in owners.values():
        if owner.flow_id is None and not later:
            route_owner(owner)
    jobs = json.dumps([{"owner": owner.pk, **job.content(), **trace} for owner, job in asked], ensure_ascii=False)
    submit_these = partial(_submit, f"{{{','.join(map(str, owners))}}}", jobs, later)
    new, newest = submit_these() if later else retried(submit_these)
    announce(owners, work=new > 0)
    if after_submission is not None:
        transaction.on_commit(after_submission) if later else after_submission()
    return Accepted(new, len(asked) - new, newest)


def existing(owner: Owner, submissions: Sequence[Submission]) -> dict[int, bool]:
    """Return the indexes of jobs that the owner has already, and for each whether it has the same content.

    PostgreSQL compares, as for a submission: the jobs that are there may be much larger than those that are asked for.
    """
    jobs = json.dumps([submission.content() for submission in submissions], ensure_ascii=False)
    with connection.cursor() as cursor:
        cursor.execute(_EXISTING, [jobs, owner.pk])
        return dict(cursor.fetchall())


def _make_room(asked: Sequence[tuple[Owner, Submission]]) -> None:
    """Reserve room in the owners' quotas. Look up which jobs are new only if there is no room for all of them."""
    try:
        make_room(Counter(owner.pk for owner, _ in asked))
    except BacklogFull:
        names = {(owner.pk, job.job_id) for owner, job in asked}
        new = names - _known(names)
        if len(new) == len(asked):
            raise
        make_room(Counter(owner for owner, _ in new))


def _known(names: set[tuple[int, str]]) -> set[tuple[int, str]]:
    """Return those of the jobs, by owner and job_id, that exist already."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT owner_id, j.name FROM queueapp_job j JOIN unnest(%s::bigint[], %s::text[]) AS asked (owner, name)"
            " ON owner_id = owner AND j.name = asked.name",
            [[owner for owner, _ in names], [name for _, name in names]],
        )
        return set(cursor.fetchall())


def _submit(owners: str, jobs: str, later: bool) -> tuple[int, Newest | None]:
    """Submit jobs. Return how many are new, and the last of these. `later`: in a transaction of the caller's.

    One statement, and so one transaction; a savepoint if there is one.
    """
    begun = transaction.atomic() if later or connection.in_atomic_block else nullcontext()
    try:
        with begun:
            new, newest, submitted_at, ahead = prepared_row(_SUBMIT, [owners, jobs, MAX_POSITION, later])
            return new, newest and Newest(newest, submitted_at, None if ahead is None else ahead + 1)
    except DatabaseError as error:
        if isinstance(error.__cause__, psycopg.Error) and error.__cause__.sqlstate == "QJ409":
            detail = error.__cause__.diag.message_detail or ""
            raise JobConflict([int(index) for index in detail.split(",")]) from None
        raise
