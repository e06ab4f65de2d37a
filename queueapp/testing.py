"""Runs jobs inside the tests of a project: the queue's own steps, and the task in this process. No cluster is needed.

`run_jobs` runs what waits. In a block of `jobs_inline` each job runs as soon as it is submitted. Both work within
Django's TestCase. queueapp/pytest_plugin.py has them as fixtures.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from django.db import DatabaseError, connection, transaction

from .handle import Job
from .lifecycle import submit
from .lifecycle.maintenance.schedule import join_due
from .lifecycle.outcome import JobOutcome
from .lifecycle.processors import register
from .lifecycle.reports import AttemptReport, write_reports
from .lifecycle.turn import ClaimedJob, take_turn
from .models import Owner, Processor
from .registry import JobContext, Reports, find_task
from .signals import job_completed
from .workers.attempt_text import describe, result_text
from .workers.job_reports import encoded, parsed
from .workers.outcomes import ended_outcome
from .workers.shared_memory import Kind, Record, Stop

MAX_ATTEMPTS = 10_000
"""Attempts after which run_jobs() gives up: tasks that submit jobs may go on for ever."""

_runs = False


def run_jobs() -> list[Job]:
    """Run all jobs that wait, in the fair order, until none is left. Return handles of those that ended, in that order.

    As on a processor, payload and result go through JSON, an exception fails the attempt, and JobFailed the job. The
    next attempt follows at once. Jobs that are paused, or whose `run_at` has not come, stay. Time and memory limits are
    not kept. An error of the database undoes what its attempt did in a TestCase, whose transaction it would break. The
    signal job_completed is sent; what a receiver raises is raised.
    Raises RuntimeError after MAX_ATTEMPTS. Does nothing inside a task that it runs. Locks: as the steps.
    """
    global _runs
    if _runs:
        return []
    _runs, processor = True, register("testing").pk
    try:
        return _run(processor)
    finally:
        _runs = False
        Processor.objects.filter(pk=processor).delete()


def _run(processor: int) -> list[Job]:
    ended: list[Job] = []
    attempts = 0
    while attempts < MAX_ATTEMPTS:
        while join_due().more:
            pass
        turn = take_turn(processor)
        if not turn.jobs:
            return ended
        attempts += len(turn.jobs)
        outcomes, reports = zip(*map(_attempt, turn.jobs), strict=True)
        write_reports(processor, turn.number, [report for report in reports if report is not None])
        take_turn(processor, turn.number, outcomes, now=time.monotonic(), more=False)
        for job, outcome in zip(turn.jobs, outcomes, strict=True):
            if outcome.retry is None:
                ended.append(Job(Owner.objects.get(pk=job.owner), job.name).refresh())
                job_completed.send(sender=Job, job=ended[-1])
    raise RuntimeError(f"Jobs still wait after {MAX_ATTEMPTS:,} attempts.")


@contextmanager
def jobs_inline() -> Iterator[None]:
    """Run each job of the block as soon as it is submitted, before submit() returns.

    One that is submitted in a transaction runs after the commit. Within a TestCase nothing is committed: there use
    Django's captureOnCommitCallbacks(execute=True), or run_jobs().
    """
    before, submit.after_submission = submit.after_submission, run_jobs
    try:
        yield
    finally:
        submit.after_submission = before


def _attempt(job: ClaimedJob) -> tuple[JobOutcome, AttemptReport | None]:
    """Run one attempt. Return its outcome, and its report if it made one. The next attempt is due at once."""
    reports, begun = Reports(), time.monotonic()
    try:
        kind, text, log = Kind.RESULT, _result(job, reports), ""
    except KeyboardInterrupt:
        raise
    except BaseException as failure:
        kind, text, log = describe(failure)
    record = Record(0, begun, time.monotonic(), kind, text, log, reports.fraction, reports.message)
    outcome = ended_outcome(job, record, Stop.NO, (None, None))
    said = parsed(encoded(reports.stages, reports.note))
    report = None if said is None else AttemptReport(job.id, job.attempt, *said)
    return outcome if outcome.retry is None else replace(outcome, retry=0.0), report


def _result(job: ClaimedJob, reports: Reports) -> str:
    """Return the result of the task as JSON. Raises what the task raises."""
    task = find_task(job.task)
    if task is None:
        raise LookupError(f"There is no task {job.task!r}.")
    before = transaction.savepoint() if connection.in_atomic_block else None
    try:
        context = JobContext(job.name, job.duration, job.attempt, reports, job.owner)
        text = result_text(task.run(context, json.loads(job.payload)))
    except DatabaseError:
        if before is not None:
            transaction.set_rollback(False)
            transaction.savepoint_rollback(before)
        raise
    if before is not None:
        transaction.savepoint_commit(before)
    return text
