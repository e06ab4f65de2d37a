"""submit: jobs are accepted, durably, into the backlog of their owner's flow."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial

import psycopg
from django.db import DatabaseError, connection, transaction

from ..errors import JobConflict
from ..models import User
from .announce import announce
from .retry import retried
from .route import route_user
from .submission import Submission


@dataclass(frozen=True)
class Accepted:
    """What came of a submission: how many jobs are new, and how many stood there already with the same content."""

    accepted: int
    existing: int


def submit(owner: User, submissions: Sequence[Submission]) -> Accepted:
    """Accept the jobs of one owner; as submit_each() otherwise."""
    return submit_each([(owner, submission) for submission in submissions])


def submit_each(asked: Sequence[tuple[User, Submission]]) -> Accepted:
    """Accept jobs, each of its owner, all or nothing, in the order given. Committed when this returns.

    Raises JobConflict, with the indexes, where a job_id is taken by other content. Locks: see sql/submit.sql.
    """
    owners = {owner.pk: owner for owner, _ in asked}
    for owner in owners.values():
        if owner.flow_id is None:
            route_user(owner)
    jobs = json.dumps([{"owner": owner.pk} | job.content() for owner, job in asked], ensure_ascii=False)
    new = retried(partial(_submit, jobs))
    announce(owners, work=new > 0)
    return Accepted(new, len(asked) - new)


def _submit(jobs: str) -> int:
    """How many jobs are new. One statement, and so a transaction; a savepoint of one that the caller has begun."""
    begun = transaction.atomic() if connection.in_atomic_block else nullcontext()
    try:
        with begun, connection.cursor() as cursor:
            cursor.execute("SELECT queueapp_submit(%s::jsonb)", [jobs])
            new: int = cursor.fetchone()[0]
            return new
    except DatabaseError as error:
        if isinstance(error.__cause__, psycopg.Error) and error.__cause__.sqlstate == "QJ409":
            detail = error.__cause__.diag.message_detail or ""
            raise JobConflict([int(index) for index in detail.split(",")]) from None
        raise
