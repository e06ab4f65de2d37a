"""Cancels jobs: waiting ones leave their backlogs for good, running ones are asked to stop."""

from __future__ import annotations

import math
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from django.db import connection

from ..db.conflicts import retried
from ..db.routines import versioned
from ..errors import NotCancellable
from ..models import Job
from .announce import announce
from .batches import in_batches

MAX_ATTEMPTS = 10
PAUSE = 0.03
"""Seconds between two looks at jobs that are in a turn and not started, or whose rows others have locked."""

_CANCEL = versioned("SELECT unnest(queueapp_cancel(%s, %s, %s))")
_STOP = "UPDATE queueapp_processor SET cancelling = true WHERE job_id = ANY (%s) RETURNING job_id"
_ENDED = "SELECT job_id FROM queueapp_outcome WHERE job_id = ANY (%s)"
_RUNNING = "SELECT job_id FROM queueapp_processor WHERE job_id = ANY (%s)"


@dataclass
class Cancellation:
    """What came of jobs that were to be cancelled.

    `cancelled`: they waited. `stopping`: they run and were asked to stop. `left`: they have not ended, and are locked
    or in a turn. All others have ended, or run and were not to be stopped.
    """

    left: set[int]
    cancelled: set[int] = field(default_factory=set)
    stopping: set[int] = field(default_factory=set)


def cancel(job: Job) -> bool:
    """Cancel a job. Return True if it is cancelled, False if it runs and was asked to stop.

    Raises NotCancellable if it has ended, or is still in a turn and not started after MAX_ATTEMPTS looks. Locks: see
    cancel_jobs().
    """
    came = cancel_jobs(job.owner_id, [job.pk])
    if not came.cancelled and not came.stopping:
        raise NotCancellable
    return bool(came.cancelled)


def cancel_jobs(owner: int, jobs: Collection[int], *, stop: bool = True, until: float = math.inf) -> Cancellation:
    """Cancel jobs of one owner, in batches in the order of submission. Return what came of them.

    `stop`: whether to ask those that run to stop. `until` (time.monotonic): no further batch begins after. A job that
    is in a turn and not started runs or waits again within a quantum: it is looked at up to MAX_ATTEMPTS times. So is
    one whose row others have locked; a job alone is waited for.
    Locks: in transactions of their own, for each batch as db/sql/backlog/cancel.sql; then the processors that run jobs.
    """
    came = Cancellation(set(jobs))
    for attempt in range(MAX_ATTEMPTS):
        if attempt:
            time.sleep(PAUSE)
        for batch in in_batches(came.left, until):
            taken_out = _take_out(owner, batch, wait=len(jobs) == 1)
            came.cancelled |= taken_out
            came.left -= taken_out
        if stop and came.left:
            came.stopping |= _ask_to_stop(owner, came.left)
            came.left -= came.stopping
        came.left -= _found(_ENDED, came.left)
        if not stop:
            came.left -= _found(_RUNNING, came.left)
        if not came.left or time.monotonic() >= until:
            break
    return came


def _take_out(owner: int, jobs: list[int], wait: bool) -> set[int]:
    """Cancel those of these jobs that wait. Return them. One transaction."""
    found = retried(partial(_ids, _CANCEL, owner, jobs, wait))
    if found:
        announce([owner])
    return found


def _ask_to_stop(owner: int, jobs: Iterable[int]) -> set[int]:
    """Ask the processors that run these jobs to stop them. Return the jobs."""
    found = retried(partial(_found, _STOP, jobs))
    if found:
        announce([owner])
    return found


def _found(statement: str, jobs: Iterable[int]) -> set[int]:
    asked = list(jobs)
    return _ids(statement, asked) if asked else set()


def _ids(statement: str, *arguments: Any) -> set[int]:
    with connection.cursor() as cursor:
        cursor.execute(statement, arguments)
        return {job for (job,) in cursor.fetchall()}
