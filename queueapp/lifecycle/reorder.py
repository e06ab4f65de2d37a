"""Moves an owner's waiting jobs to the front or the back of the owner's own flow."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from functools import partial

from django.db import connection
from django.db.models import F

from ..db.conflicts import retried
from ..db.routines import versioned
from ..errors import NotMovable
from ..models import Job, Outcome, Owner, Waiting
from ..models.job import PLACE
from .announce import announce

BATCH_JOBS = 200
"""Maximum number of jobs in a batch. Claims that would take from the flow, and its submitters, wait for one at most."""

_REORDER = versioned("SELECT moved, refused FROM queueapp_reorder(%s, %s::bigint[], %s)")
_REFUSED = {
    "shared": "Jobs wait here in one line with those of others, in the order of submission: a move would delay others.",
    "held": "Jobs are being moved to another line, as the priority rules have changed. Try again in a moment.",
}


def has_own_flow(owner: Owner) -> bool:
    """Whether the owner's jobs wait in a flow of the owner's alone, in which they can be moved. One query."""
    return Owner.objects.filter(pk=owner.pk, flow__owner=F("pk")).exists()


def reorder(job: Job, *, front: bool) -> None:
    """Move a waiting job to the front of its owner's flow, or to the back. Raises NotMovable, which says why.

    Locks: see reorder_jobs().
    """
    if not reorder_jobs(job.owner_id, [job.pk], front=front):
        raise NotMovable(_why(job))


def reorder_jobs(owner: int, jobs: Collection[int], *, front: bool) -> set[int]:
    """Move those of an owner's jobs that wait in the owner's own flow. Return them. They keep their order.

    Raises NotMovable if the flow is shared, or if jobs move to it or from it. Locks: for each batch, a transaction of
    its own, as db/sql/backlog/reorder.sql.
    """
    moved: set[int] = set()
    for batch in _batches(owner, jobs, front):
        moved |= retried(partial(_move, owner, batch, front))
    if moved:
        announce([owner])
    return moved


def _batches(owner: int, jobs: Collection[int], front: bool) -> Iterator[Sequence[int]]:
    """Yield the jobs in their order, BATCH_JOBS at a time; the last ones first if each batch goes to the front."""
    ordered = list(jobs)
    if len(ordered) > BATCH_JOBS:
        waiting = Waiting.objects.filter(owner_id=owner, job_id__in=ordered)
        ordered = list(waiting.order_by(PLACE, "job_id").values_list("job_id", flat=True))
    starts = range(0, len(ordered), BATCH_JOBS)
    for start in reversed(starts) if front else starts:
        yield ordered[start : start + BATCH_JOBS]


def _move(owner: int, jobs: Sequence[int], front: bool) -> set[int]:
    with connection.cursor() as cursor:
        cursor.execute(_REORDER, [owner, list(jobs), front])
        moved, refused = cursor.fetchone()
    if refused is not None:
        raise NotMovable(_REFUSED[refused])
    return set(moved)


def _why(job: Job) -> str:
    """Return why a job is not in its flow's backlog."""
    if ended := Outcome.objects.filter(pk=job.pk).first():
        return f"Only a job that waits can be moved, and this one has {ended.status}."
    waiting = Waiting.objects.filter(owner=job.owner_id, job=job.pk).first()
    if waiting is None:
        return "Only a job that waits can be moved, and a processor has taken this one."
    if waiting.flow_id is None:
        moment = "until its moment comes" if waiting.not_before else "until it is no longer paused"
        return f"The job is in no line {moment}, so it cannot be moved."
    return "The job has just come back into line. Try again."
