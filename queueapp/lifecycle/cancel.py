"""Cancels a job: a waiting one leaves its backlog for good, a running one is asked to stop."""

from __future__ import annotations

import time
from functools import partial

from django.db import connection, transaction

from ..db.conflicts import retried
from ..db.routines import versioned
from ..errors import NotCancellable
from ..models import Job, Outcome, Processor, Waiting
from ..states import Status
from .announce import announce
from .outcome import OUTCOMES, JobOutcome, literal

MAX_ATTEMPTS = 10
PAUSE = 0.03
"""Seconds between two looks at a job that is in a turn and not started."""
_LOCK_OWNER = versioned("SELECT pg_advisory_xact_lock_shared(queueapp_owner_lock(%s))")
_RECORD = versioned(f"SELECT queueapp_record(%s, {OUTCOMES})")


def cancel(job: Job) -> bool:
    """Cancel a job. Return True if it is cancelled, False if it runs and was asked to stop.

    Raises NotCancellable if it has ended, or is still in a turn and not started after MAX_ATTEMPTS looks. Locks: its
    owner (advisory, shared), then its waiting row; or its processor's row. A claim of the same job waits for the
    waiting row and then does not find it, or has taken it first.
    """
    for _ in range(MAX_ATTEMPTS):
        if retried(partial(_take_out, job)):
            return True
        if Processor.objects.filter(job=job).update(cancelling=True):
            announce([job.owner_id])
            return False
        if Outcome.objects.filter(job=job).exists():
            break
        time.sleep(PAUSE)  # in a turn and not started: within a quantum it runs or waits again
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
    """Lock the owner (advisory, shared), as record.sql does. Taken after the waiting row, it could deadlock.

    With four sessions: we hold the waiting row that a claim wants. The claim holds the flow state that a settlement
    wants. The settlement holds the owner lock. A reader of completions waits for it, and we queue behind the reader.
    """
    with connection.cursor() as cursor:
        cursor.execute(_LOCK_OWNER, [job.owner_id])


def _record(job: Job, flow: int | None) -> None:
    now = time.monotonic()
    outcome = JobOutcome(job.pk, job.owner_id, Status.CANCELLED, attempt=0, spent=0.0, ended=now)
    with connection.cursor() as cursor:
        cursor.execute(_RECORD, [flow, literal([outcome], now)])
