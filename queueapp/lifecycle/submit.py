"""submit: jobs are accepted, durably, into the backlog of their owner's flow."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

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
    """Accept the jobs of one owner, all or nothing, in the order given. Committed when this returns.

    Raises JobConflict where a job_id is taken by other content. Locks: see sql/submit.sql.
    """
    return submit_each([(owner, submission) for submission in submissions])


def submit_each(asked: Sequence[tuple[User, Submission]]) -> Accepted:
    """Accept jobs of several owners, all or nothing; each owner's in the order given. As submit() otherwise."""
    by_owner: dict[int, tuple[User, list[int]]] = {}
    for index, (owner, _) in enumerate(asked):
        by_owner.setdefault(owner.pk, (owner, []))[1].append(index)
    for owner, _ in by_owner.values():
        if owner.flow_id is None:
            route_user(owner)
    # Flows wake in one order, so that two submissions for several users never wait for each other.
    groups = sorted(by_owner.values(), key=lambda group: group[0].flow_id or 0)

    def work() -> int:
        with transaction.atomic():
            return sum(_submit(owner, [asked[i][1] for i in places], places) for owner, places in groups)

    new = retried(work)
    announce(owners=by_owner, work=new > 0)
    return Accepted(new, len(asked) - new)


def _submit(owner: User, submissions: list[Submission], indexes: list[int]) -> int:
    """How many jobs are new. Raises JobConflict with the indexes of the whole request."""
    content = json.dumps([submission.content() for submission in submissions], ensure_ascii=False)
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT queueapp_submit(%s, %s::jsonb)", [owner.pk, content])
            return len(cursor.fetchone()[0])
    except DatabaseError as error:
        cause = error.__cause__
        if getattr(cause, "sqlstate", None) == "QJ409":
            conflicts = str(cause.diag.message_detail).split(",")  # type: ignore[union-attr]
            raise JobConflict([indexes[int(n)] for n in conflicts]) from None
        raise
