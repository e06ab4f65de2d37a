"""Outcomes of attempts to settle, made from the records of a task process or from the way it died."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ..conf import queue_settings
from ..errors import JobStopped, LeaseLost, TimeLimitReached
from ..lifecycle.outcome import JobOutcome, is_storable
from ..lifecycle.turn import ClaimedJob
from ..policy.backoff import gives_up, retry_delay
from ..registry import max_attempts
from ..states import Status
from .shared_memory import Kind, Record, SharedMemory, Stop

logger = logging.getLogger(__name__)

Limits = tuple[float | None, float | None]
"""A job's time limit in seconds and memory limit in megabytes. None: no limit."""
UNKNOWN_TASK = "Waits for a processor that has its task."
DEFERRAL_SECONDS = 0.002
"""Processor seconds that a job is charged if its task is not here: about a claim and a settlement. At no charge its
flow would stay the next one, and others would wait until all such jobs of a deep backlog are deferred."""


def ended_outcome(job: ClaimedJob, record: Record, stop: Stop, limits: Limits) -> JobOutcome:
    """Return the outcome of an attempt that the task process recorded. `stop`: why the job was to stop, or NO."""
    spent, progress = max(record.ended - record.started, 0.0), min(max(record.fraction, 0.0), 1.0)
    if record.kind == Kind.RESULT:
        return JobOutcome(
            job.id, job.owner, Status.SUCCEEDED, job.attempt, spent, record.ended, progress, record.message,
            record.text or None, log=record.log,
        )  # fmt: skip
    fields: dict[str, Any] = {
        "spent": spent,
        "ended": record.ended,
        "progress": progress,
        "message": record.message,
        "log": record.log,
    }
    if record.kind == Kind.STOPPED and stop is Stop.CANCELLED:
        return _outcome(job, status=Status.CANCELLED, **fields)
    if record.kind == Kind.REFUSED:
        return _failed(job, record.text, for_good=True, **fields)
    error = record.text
    if record.kind == Kind.STOPPED:
        error = _words_of(stop, limits) or record.text
    elif record.kind == Kind.OUT_OF_MEMORY:
        error = _words_of(Stop.MEMORY_LIMIT, limits) or record.text
    return _failed(job, error, **fields)


def died_outcome(
    job: ClaimedJob, how: str, started: float, stop: Stop, limits: Limits, memory: SharedMemory
) -> JobOutcome:
    """Return the outcome of an attempt during which the task process died, as `how` says, or was ended."""
    now = time.monotonic()
    fields: dict[str, Any] = {
        "spent": max(now - started, 0.0),
        "ended": now,
        "progress": memory.fraction,
        "message": memory.message,
        "log": memory.take_log(),
    }
    if stop is Stop.CANCELLED:
        return _outcome(job, status=Status.CANCELLED, **fields)
    return _failed(job, _words_of(stop, limits) or f"It {how}.", **fields)


def deferred_outcome(job: ClaimedJob, now: float) -> JobOutcome:
    """Return the outcome of a job whose task this processor lacks: it waits for another one, at no attempt."""
    delay = queue_settings().UNKNOWN_TASK_DELAY_SECONDS * random.uniform(0.5, 1.0)  # noqa: S311 (spreads load)
    return _outcome(job, status=Status.QUEUED, spent=DEFERRAL_SECONDS, ended=now, message=UNKNOWN_TASK, retry=delay)


def without_refused(outcomes: Sequence[JobOutcome], reason: str) -> list[JobOutcome] | None:
    """Return the outcomes, with a failure in place of each that the database refuses. None: it refuses none.

    Checks each in a statement of its own. Call it outside of any transaction.
    """
    refused = [outcome for outcome in outcomes if not is_storable(outcome)]
    if not refused:
        return None
    logger.error("The database refused the outcomes of %d jobs: %s", len(refused), reason)
    return [_refused(outcome, reason) if outcome in refused else outcome for outcome in outcomes]


def _refused(outcome: JobOutcome, reason: str) -> JobOutcome:
    error = f"What came of it could not be stored: {reason}"
    return replace(
        outcome, status=Status.FAILED, result=None, message="", log="", error=error, retry=None, progress=0.0
    )


def _words_of(stop: Stop, limits: Limits) -> str | None:
    why: dict[Stop, type[JobStopped]] = {Stop.TIME_LIMIT: TimeLimitReached, Stop.LEASE_LOST: LeaseLost}
    if stop is Stop.MEMORY_LIMIT and limits[1] is not None:
        return f"It reached its memory limit of {limits[1]:g} MB."
    return str(why[stop].__doc__) if stop in why else None


def _failed(job: ClaimedJob, error: str, *, for_good: bool = False, **fields: Any) -> JobOutcome:
    most = max_attempts(job.task)
    gives_up_now = for_good or gives_up(job.attempt, most)
    logger.warning(
        "Job %s (task %s, attempt %d) failed: %s\n%s", job.name, job.task, job.attempt, error, fields["log"],
        extra=job.log_fields(),
    )  # fmt: skip
    retry = None if gives_up_now else _delay(job.attempt, most)
    return _outcome(job, status=Status.FAILED, error=error, retry=retry, **fields)


def _delay(attempt: int, most: int) -> float:
    settings = queue_settings()
    chance = random.random()  # noqa: S311 (spreads load, keeps no secret)
    return retry_delay(attempt, most, settings.RETRY_DELAY_SECONDS, settings.RETRY_DELAY_MAX_SECONDS, chance)


def _outcome(job: ClaimedJob, **fields: Any) -> JobOutcome:
    return JobOutcome(job=job.id, owner=job.owner, attempt=job.attempt, **fields)
