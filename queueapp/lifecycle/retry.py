"""Retries jobs that failed or were cancelled: each gets another series of attempts."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from django.db import connection

from ..db.conflicts import retried
from ..db.routines import versioned
from ..errors import NotRetryable
from ..models import Job
from .announce import announce

_TRY_AGAIN = versioned("SELECT queueapp_try_again(%s::bigint[])")


def try_again(job: Job) -> None:
    """Let the job wait again, in its old place. Raises NotRetryable unless it failed or was cancelled.

    Locks: the outcome's row.
    """
    if not try_again_jobs(job.owner_id, [job.pk]):
        raise NotRetryable


def try_again_jobs(owner: int, jobs: Sequence[int]) -> int:
    """Let those of an owner's jobs that failed or were cancelled wait again. Return how many. One transaction.

    Locks: the outcomes' rows, by job.
    """
    many = retried(partial(_try_again, list(jobs)))
    if many:
        announce([owner], work=True)
    return many


def _try_again(jobs: list[int]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_TRY_AGAIN, [jobs])
        many: int = cursor.fetchone()[0]
        return many
