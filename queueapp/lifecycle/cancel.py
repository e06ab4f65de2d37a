"""cancel: a job that still waits is taken out of its backlog for good."""

from __future__ import annotations

import json
from functools import partial

from django.db import connection, transaction

from ..errors import NotWaiting
from ..models import Job, Waiting
from ..states import Status
from .announce import announce
from .retry import retried


def cancel(job: Job) -> None:
    """Record the job as cancelled. Raises NotWaiting where it runs or has ended.

    Locks: its waiting row, then its owner (advisory). A claim of the same job waits for the row and does not find
    it, or has taken it first.
    """
    retried(partial(_cancel, job))


def _cancel(job: Job) -> None:
    with transaction.atomic():
        place = Waiting.objects.filter(owner_id=job.owner_id, job_id=job.pk)
        flow = place.values_list("flow_id", flat=True).first()
        taken_out, _ = place.delete()
        if not taken_out:
            raise NotWaiting
        _record(job, flow)
        announce([job.owner_id])


def _record(job: Job, flow: int | None) -> None:
    outcome = {
        "job": job.pk, "owner": job.owner_id, "status": Status.CANCELLED, "attempt": 0,
        "spent": 0, "ago": 0, "progress": 0, "message": "", "error": "",
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("SELECT queueapp_record(%s, %s::jsonb)", [flow, json.dumps([outcome])])
