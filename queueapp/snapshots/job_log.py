"""Builds shapes.JobLog: what a job printed in its last attempt, its stages, and its note."""

from __future__ import annotations

from datetime import datetime

from ..models import Job, JobReport
from ..states import Status
from . import shapes


def job_log(job: Job, now: datetime) -> shapes.JobLog:
    """Return the log of a job loaded by JobQuerySet.whole(): of the attempt that runs, or of the last one. One query.

    While it runs, the log is the end of what it has printed, at most some seconds old.
    """
    report = JobReport.objects.filter(job=job.pk).first()
    failed = next(iter(list(job.failed_attempts)[-1:]), None)
    attempt, log, spent = 0, "", 0.0
    if job.status == Status.RUNNING and job.processor is not None:
        attempt, spent = job.processor.attempts[0], job.processor.time_spent(now)
        log = report.log if report is not None and report.attempt == attempt else ""
    elif job.ended is not None and job.ended.started_at is not None:
        attempt, log = job.ended.attempt, job.ended.log
        spent = (job.ended.finished_at - job.ended.started_at).total_seconds()
    elif failed is not None:
        attempt, log, spent = failed.number, failed.log, failed.time_spent
    stages = _stages(report.stages, spent) if report is not None and report.attempt == attempt else []
    return {"attempt": attempt, "log": log, "stages": stages, "note": "" if report is None else report.note}


def _stages(begun: list[tuple[str, float]], spent: float) -> list[shapes.Stage]:
    """Return the stages with their seconds: each ends where the next begins, the last with what was spent so far."""
    ends = [at for _, at in begun[1:]] + [spent] * bool(begun)
    return [
        {"name": name, "at": at, "seconds": round(max(end - at, 0.0), 3)}
        for (name, at), end in zip(begun, ends, strict=True)
    ]
