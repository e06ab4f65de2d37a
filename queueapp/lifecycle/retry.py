"""Retries jobs that failed or were cancelled: each gets another series of attempts."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from django.db import connection
from django.utils.translation import gettext

from ..db.conflicts import retried
from ..db.routines import versioned
from ..errors import NotRetryable
from ..i18n import whole_number
from ..models import Attempt, Job
from .announce import announce

MAX_ATTEMPTS = 200
"""Attempts of a job from which it is not tried again."""

_TRY_AGAIN = versioned("SELECT queueapp_try_again(%s::bigint[], %s)")


def try_again(job: Job) -> None:
    """Let the job wait again, in its old place. Raises NotRetryable unless it failed or was cancelled.

    Nor is a job tried again that has had MAX_ATTEMPTS. Locks: the outcome's row.
    """
    if not try_again_jobs(job.owner_id, [job.pk]):
        if Attempt.objects.filter(job=job, number__gte=MAX_ATTEMPTS).exists():
            text = gettext("The job has had %(most)s attempts. Submit it again under another name.")
            raise NotRetryable(text % {"most": whole_number(MAX_ATTEMPTS)})
        raise NotRetryable


def try_again_jobs(owner: int, jobs: Sequence[int]) -> int:
    """Let those of an owner's jobs that failed or were cancelled wait again. Return how many. One transaction.

    Jobs with MAX_ATTEMPTS are left alone. Locks: the outcomes' rows, by job.
    """
    many = retried(partial(_try_again, list(jobs)))
    if many:
        announce([owner], work=True)
    return many


def _try_again(jobs: list[int]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_TRY_AGAIN, [jobs, MAX_ATTEMPTS])
        many: int = cursor.fetchone()[0]
        return many
