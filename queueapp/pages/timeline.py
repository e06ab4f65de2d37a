"""The timeline of a job: submitted, waited, each attempt, and how it ended."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.utils.translation import gettext, gettext_lazy, ngettext

from ..models import Attempt, Job, Outcome
from ..snapshots import shapes
from ..states import FINISHED, Status
from . import humanize
from .visible import visible

MAX_ATTEMPTS = 20
"""Attempts that are shown, the last ones: a job may be retried any number of times."""
SHORTEST_WAIT = timedelta(milliseconds=1)
_BEFORE_START = {
    Status.SUCCEEDED: gettext_lazy("Succeeded before it started"),
    Status.FAILED: gettext_lazy("Failed before it started"),
    Status.CANCELLED: gettext_lazy("Cancelled before it started"),
}
_AFTER = {
    Status.SUCCEEDED: gettext_lazy("Attempt %(attempt)s succeeded after %(time)s"),
    Status.FAILED: gettext_lazy("Attempt %(attempt)s failed after %(time)s"),
    Status.CANCELLED: gettext_lazy("Attempt %(attempt)s was cancelled after %(time)s"),
}


@dataclass(frozen=True)
class Step:
    """One thing that happened, or goes on. `kind`: a status, or submitted or waited. `at`: when it happened.

    `stages`: pairs of a name and how long it took.
    """

    kind: str
    title: str
    at: datetime | None = None
    error: str = ""
    log: str = ""
    stages: tuple[tuple[str, str], ...] = ()


def timeline(job: Job, described: shapes.Job, said: shapes.JobLog) -> list[Step]:
    """Return the steps of a job loaded by JobQuerySet.whole(), the oldest first. `said`: its last attempt's log."""
    attempts = list(job.failed_attempts)
    steps = [Step("submitted", gettext("Submitted"), job.submitted_at)]
    since = job.submitted_at
    if len(attempts) > MAX_ATTEMPTS:
        left_out = attempts[:-MAX_ATTEMPTS]
        attempts = attempts[-MAX_ATTEMPTS:]
        since = left_out[-1].finished_at
        title = ngettext(
            "%(number)s earlier attempt failed; the job as JSON has it",
            "%(number)s earlier attempts failed; the job as JSON has them",
            len(left_out),
        )
        steps.append(Step("waited", title % {"number": humanize.number(len(left_out))}))
    for attempt in attempts:
        steps += _waited(since, attempt.started_at)
        steps.append(_failed(attempt))
        since = attempt.finished_at
    steps += _ended(job.ended, attempts, since) if job.ended else _present(job, described, said, since)
    return [_with_stages(step, said) if step is _last_attempt(steps) else step for step in steps]


def _last_attempt(steps: list[Step]) -> Step | None:
    """Return the step of the attempt that runs, or ran last."""
    return next((step for step in reversed(steps) if step.kind in (Status.RUNNING, *FINISHED)), None)


def _with_stages(step: Step, said: shapes.JobLog) -> Step:
    stages = ((visible(stage["name"]), humanize.seconds(stage["seconds"])) for stage in said["stages"])
    return replace(step, stages=tuple(stages))


def _waited(since: datetime, until: datetime | None) -> Iterator[Step]:
    if until is not None and until - since >= SHORTEST_WAIT:
        waited = humanize.seconds((until - since).total_seconds())
        yield Step("waited", gettext("Waited for %(time)s") % {"time": waited})


def _failed(attempt: Attempt) -> Step:
    title = _after(Status.FAILED, attempt.number, attempt.time_spent)
    return Step(Status.FAILED, title, attempt.finished_at, visible(attempt.error), visible(attempt.log))


def _ended(outcome: Outcome, attempts: list[Attempt], since: datetime) -> Iterator[Step]:
    if outcome.status == Status.FAILED and attempts and attempts[-1].number == outcome.attempt:
        return  # its last attempt says it
    yield from _waited(since, outcome.started_at or outcome.finished_at)
    if outcome.started_at is None:
        title = str(_BEFORE_START[Status(outcome.status)])
    else:
        took = max((outcome.finished_at - outcome.started_at).total_seconds(), 0.0)
        title = _after(outcome.status, outcome.attempt, took)
    yield Step(outcome.status, title, outcome.finished_at, visible(outcome.error), visible(outcome.log))


def _after(status: str, attempt: int, took: float) -> str:
    return _AFTER[Status(status)] % {"attempt": attempt, "time": humanize.seconds(took)}


def _present(job: Job, described: shapes.Job, said: shapes.JobLog, since: datetime) -> Iterator[Step]:
    if described["status"] == Status.RUNNING:
        started = job.processor.job_started_at if job.processor else None
        yield from _waited(since, started)
        title = gettext("Attempt %(attempt)s runs") % {"attempt": described["attempt"]}
        yield Step(Status.RUNNING, title, started, log=visible(said["log"]))
        return
    place = described["position"]
    note = f": {visible(described['message'])}" if described["message"] else ""
    title = gettext("Waits")
    if place is not None:
        title = gettext("Waits at position %(position)s") % {"position": humanize.number(place)}
    yield Step(Status.QUEUED, title + note)
