"""What came of an attempt: from what a task returned or raised to what is recorded."""

from __future__ import annotations

import json
import random
import time
from typing import Any

from ..conf import queue_settings
from ..errors import JobCancelled, JobFailed, TimeLimitReached
from ..lifecycle.claim import ClaimedJob
from ..lifecycle.settle import JobOutcome
from ..policy.backoff import gives_up, retry_delay
from ..registry import Handle, max_attempts
from ..states import Status


def succeeded_outcome(job: ClaimedJob, handle: Handle, started: float, result: str | None) -> JobOutcome:
    """That the job succeeded now, with a result as JSON text. `started` by time.monotonic."""
    return _outcome(job, handle, started, status=Status.SUCCEEDED, result=result)


def stopped_outcome(job: ClaimedJob, handle: Handle, started: float, failure: BaseException) -> JobOutcome:
    """That the attempt ended now by what it raised: cancelled, failed for good, or to be tried again later."""
    if isinstance(failure, JobCancelled):
        return _outcome(job, handle, started, status=Status.CANCELLED)
    for_good = isinstance(failure, JobFailed) or gives_up(job.attempt, max_attempts(job.task))
    return _outcome(
        job,
        handle,
        started,
        status=Status.FAILED,
        error=message(failure),
        retry=None if for_good else _delay(job.attempt),
    )


def result_json(result: Any) -> str | None:
    """The result as JSON text. Raises where PostgreSQL could not keep it."""
    if result is None:
        return None
    text = json.dumps(result, allow_nan=False)
    if "\\u0000" in text:
        raise ValueError("The result has a NUL character.")
    return text


def message(failure: BaseException) -> str:
    """What the owner is told of an exception."""
    text = str(failure).replace("\x00", "").strip().encode(errors="replace").decode()
    if isinstance(failure, TimeLimitReached):
        return str(TimeLimitReached.__doc__)
    return text if isinstance(failure, JobFailed) and text else f"{type(failure).__name__}: {text}".rstrip(": ")


def _delay(attempt: int) -> float:
    settings = queue_settings()
    chance = random.random()  # noqa: S311 (spreads load, keeps no secret)
    return retry_delay(attempt, settings.RETRY_FIRST, settings.RETRY_MOST, chance)


def _outcome(job: ClaimedJob, handle: Handle, started: float, **fields: Any) -> JobOutcome:
    ended = time.monotonic()
    return JobOutcome(
        job=job.id,
        owner=job.owner,
        attempt=job.attempt,
        spent=ended - started,
        ended=ended,
        progress=handle.fraction,
        message=handle.message,
        **fields,
    )
