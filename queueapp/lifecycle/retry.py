"""Retries a job that failed or was cancelled: it gets another series of attempts."""

from __future__ import annotations

from django.db import connection

from ..db.routines import versioned
from ..errors import NotRetryable
from ..models import Job
from .announce import announce

_TRY_AGAIN = versioned("SELECT queueapp_try_again(%s)")


def try_again(job: Job) -> None:
    """Let the job wait again, in its old place. Raises NotRetryable unless it failed or was cancelled.

    Locks: the outcome's row.
    """
    with connection.cursor() as cursor:
        cursor.execute(_TRY_AGAIN, [job.pk])
        if not cursor.fetchone()[0]:
            raise NotRetryable
    announce([job.owner_id], work=True)
