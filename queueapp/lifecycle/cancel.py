"""Cancels a job: one that waits leaves its backlog for good; one that runs is asked to stop."""

from __future__ import annotations

import time
from functools import partial

from django.db import connection, transaction

from ..db.conflicts import retried
from ..errors import NotCancellable
from ..models import Job, Outcome, Processor, Waiting
from ..states import Status
from .announce import announce
from .outcome import OUTCOMES, JobOutcome, literal

TRIES = 10
PAUSE = 0.03
"""Seconds between looks at a job that is between two places."""


def cancel(job: Job) -> bool:
    """Cancel a job; whether that is done: False: it runs, and is asked to stop.

    Raises NotCancellable where it has ended. Locks: its owner (advisory, shared), then its waiting row; or its
    processor's row. A claim of the same job waits for the row and does not find it, or has taken it first.
    """
    for _ in range(TRIES):
        if retried(partial(_take_out, job)):
            return True
        if Processor.objects.filter(job=job).update(cancelling=True):
            announce([job.owner_id])
            return False
        if Outcome.objects.filter(job=job).exists():
            break
        time.sleep(PAUSE)  # it is in a turn and not started: within a quantum it runs, or waits again
    raise NotCancellable


def _take_out(job: Job) -> bool:
    place = Waiting.objects.filter(owner_id=job.owner_id, job_id=job.pk)
    if not place.exists():
        return False
    with transaction.atomic():
        _lock_owner(job)
        flow = place.values_list("flow_id", flat=True).first()
        taken_out, _ = place.delete()
        if taken_out:
            _record(job, flow)
            announce([job.owner_id])
        return bool(taken_out)


def _lock_owner(job: Job) -> None:
    """As record.sql does. Before the waiting row: a claim waits for that one, with a flow locked that a settlement
    waits for, which has locked the owner, for which a reader waits, who lets nobody in before."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock_shared(queueapp_owner_lock(%s))", [job.owner_id])


def _record(job: Job, flow: int | None) -> None:
    now = time.monotonic()
    outcome = JobOutcome(job.pk, job.owner_id, Status.CANCELLED, attempt=0, spent=0.0, ended=now)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT queueapp_record(%s, {OUTCOMES})", [flow, literal([outcome], now)])
