"""Builds shapes.Job, for the API, the page and the event stream."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, TypedDict

from ..models import Attempt, Job, Outcome, Owner, Processor, Waiting, database_now
from ..models.brief import cut
from ..models.job import PLACE
from ..states import Status
from . import shapes
from .positions import positions
from .shapes import iso


def job_dict(job: Job, now: datetime | None = None) -> shapes.Job:
    """Return a job loaded by JobQuerySet.whole() or listed(), with its position."""
    return job_dicts([job], now)[0]


def job_dicts(jobs: Sequence[Job], now: datetime | None = None) -> list[shapes.Job]:
    """Return jobs loaded so, with their positions. Two more queries if any is queued."""
    now = now or database_now()
    positions, notes = _waiting([job for job in jobs if job.status == Status.QUEUED])
    return [
        describe(
            job, now, ended=job.ended, processor=job.processor,
            position=positions.get(job.pk), note=notes.get(job.pk, ""),
        )
        for job in jobs
    ]  # fmt: skip


def recent_jobs(owner: Owner, limit: int = 50) -> list[shapes.Job]:
    """Return the owner's jobs that ended last, newest first."""
    ended = Job.objects.ended_brief().filter(outcome__owner=owner).order_by("-outcome__number")[:limit]
    return [describe(job, job.outcome.finished_at, ended=job.outcome) for job in ended]


def new_job_dict(job: Job, position: int | None) -> shapes.Job:
    """Return a job that was accepted just now. No query."""
    return describe(job, job.submitted_at, position=position, attempts=())


def describe(
    job: Job,
    now: datetime,
    *,
    ended: Outcome | None = None,
    processor: Processor | None = None,
    position: int | None = None,
    note: str = "",
    attempts: Iterable[Attempt] | None = None,
) -> shapes.Job:
    """Return one job, given where it is: its outcome, or its processor, or its position and why it waits.

    `attempts`: the failed ones, if the caller knows them. Large values that were not loaded are omitted. No query if
    the job's owner and attempts were loaded with it.
    """
    return {
        "job_id": job.name,
        "user": job.user_name,
        "key": job.key,
        "task": job.task,
        "duration": job.duration,
        **_payload(job),
        "status": Status(ended.status) if ended else Status.RUNNING if processor else Status.QUEUED,
        "position": position,
        "time_limit": job.time_limit,
        "memory_limit": job.memory_limit,
        "run_at": iso(job.run_at),
        "submitted_at": iso(job.submitted_at),
        "attempts": [_attempt(attempt) for attempt in (job.failed_attempts if attempts is None else attempts)],
        "stopping": ended is None and processor is not None and processor.cancelling,
        **(_present(processor, now, note) if ended is None else _ended(ended)),
        **_result(job, ended),
    }


class _Payload(TypedDict):
    payload: dict[str, Any] | None
    payload_omitted: bool


class _State(TypedDict):
    progress: float
    message: str
    time_spent: float
    attempt: int
    started_at: str | None
    finished_at: str | None


class _Result(TypedDict):
    result: Any
    result_omitted: bool
    error: str


def _payload(job: Job) -> _Payload:
    read = vars(job)  # what it was loaded with: see JobQuerySet.brief()
    payload = read["payload"] if "payload" in read else read["small_payload"]
    return {"payload": payload, "payload_omitted": payload is None}


def _result(job: Job, ended: Outcome | None) -> _Result:
    if ended is None:
        return {"result": None, "result_omitted": False, "error": ""}
    if "result" in vars(ended):
        return {"result": ended.result, "result_omitted": False, "error": ended.error}
    read = vars(job)  # see JobQuerySet.ended_brief()
    return {
        "result": read["small_result"],
        "result_omitted": read["result_is_large"],
        "error": cut(read["error_begins"]),
    }


def _attempt(attempt: Attempt) -> shapes.Attempt:
    return {
        "attempt": attempt.number,
        "started_at": iso(attempt.started_at),
        "finished_at": iso(attempt.finished_at),
        "time_spent": round(attempt.time_spent, 6),
        "error": attempt.error if "error" in vars(attempt) else cut(vars(attempt)["error_begins"]),
    }


def _ended(outcome: Outcome) -> _State:
    return {
        "progress": 1.0 if outcome.status == Status.SUCCEEDED else outcome.progress,
        "message": outcome.message,
        "time_spent": round(outcome.time_spent, 6),
        "attempt": outcome.attempt,
        "started_at": iso(outcome.started_at),
        "finished_at": iso(outcome.finished_at),
    }


def _present(processor: Processor | None, now: datetime, note: str) -> _State:
    return {
        "progress": processor.progress if processor else 0.0,
        "message": processor.message if processor else note,
        "time_spent": round(processor.time_spent(now), 6) if processor else 0.0,
        "attempt": processor.attempts[0] if processor and processor.attempts else 0,
        "started_at": iso(processor.job_started_at) if processor else None,
        "finished_at": None,
    }


def _waiting(jobs: Sequence[Job]) -> tuple[dict[int, int], dict[int, str]]:
    """Return the positions of these jobs, and why they wait, if known."""
    if not jobs:
        return {}, {}
    # By owner, as the table's key begins with it.
    waiting = Waiting.objects.filter(owner_id__in={job.owner_id for job in jobs}, job_id__in=[job.pk for job in jobs])
    rows = list(waiting.values_list("flow_id", PLACE, "job_id", "note"))
    found = positions([(flow, place, job) for flow, place, job, _ in rows])
    return {job: place.position for job, place in found.items()}, {job: note for *_, job, note in rows}
