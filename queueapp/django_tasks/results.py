"""Django's TaskResult, made of what the queue knows of a job."""

from __future__ import annotations

import builtins
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from ..errors import JobCancelled, JobFailed, LeaseLost, TimeLimitReached
from ..models import Job, Outcome
from ..states import Status
from . import known
from .compat import (
    DEFAULT_TASK_BACKEND_ALIAS,
    DEFAULT_TASK_QUEUE_NAME,
    Task,
    TaskError,
    TaskResult,
    TaskResultDoesNotExist,
    TaskResultStatus,
)
from .ids import read_id, result_id

STATUS: Mapping[Status, TaskResultStatus] = {
    Status.QUEUED: TaskResultStatus.READY,
    Status.RUNNING: TaskResultStatus.RUNNING,
    Status.SUCCEEDED: TaskResultStatus.SUCCESSFUL,
    Status.FAILED: TaskResultStatus.FAILED,
    Status.CANCELLED: TaskResultStatus.FAILED,
}
UNKNOWN_WORKER = "unknown"
"""In place of each processor that worked on a job earlier: the queue keeps how many did, and not which."""


def make_result(
    task: Task[..., Any],
    owner: int,
    job_id: str,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    *,
    status: TaskResultStatus = TaskResultStatus.READY,
    enqueued_at: datetime | None = None,
    started_at: datetime | None = None,
    last_attempted_at: datetime | None = None,
    finished_at: datetime | None = None,
    errors: Sequence[TaskError] = (),
    attempts: int = 0,
    worker: str = UNKNOWN_WORKER,
) -> TaskResult[Any]:
    """Return a result. `worker`: the processor of the last attempt."""
    return TaskResult(
        task=task, id=result_id(owner, job_id), status=status, enqueued_at=enqueued_at, started_at=started_at,
        last_attempted_at=last_attempted_at, finished_at=finished_at, args=list(args), kwargs=dict(kwargs),
        backend=task.backend, errors=list(errors),
        worker_ids=([UNKNOWN_WORKER] * (attempts - 1) + [worker]) if attempts else [],
    )  # fmt: skip


def find_result(given: str) -> TaskResult[Any]:
    """Return the result with this id, as it is now. Raises TaskResultDoesNotExist. Three queries."""
    whose = read_id(given)
    if whose is None:
        raise TaskResultDoesNotExist(given)
    jobs = Job.objects.whole().filter(owner=whose[0], name=whose[1], task__in=known.names())
    row = jobs.first()
    if row is None:
        raise TaskResultDoesNotExist(given)
    return _stored(row)


def _stored(row: Job) -> TaskResult[Any]:
    found = known.find(row.task)
    assert found is not None, "find_result() looks for tasks that are known"
    task = replace(
        found,
        backend=row.payload.get("backend", DEFAULT_TASK_BACKEND_ALIAS),
        queue_name=row.payload.get("queue_name", DEFAULT_TASK_QUEUE_NAME),
        run_after=row.run_at,
    )
    failed, ended, processor = list(row.attempts.all()), row.ended, row.processor
    starts = [attempt.started_at for attempt in failed]
    attempts = len(failed)
    if ended is not None:
        attempts, starts = ended.attempt, [*starts, *filter(None, [ended.started_at])]
    elif processor is not None:
        attempts, starts = processor.attempts[0], [*starts, *filter(None, [processor.job_started_at])]
    result = make_result(
        task, row.owner_id, row.name, row.payload["args"], row.payload["kwargs"],
        status=STATUS[row.status],
        enqueued_at=row.submitted_at,
        started_at=starts[0] if starts else None,
        last_attempted_at=starts[-1] if starts else None,
        finished_at=None if ended is None else ended.finished_at,
        errors=[*(as_error(attempt.error, attempt.log) for attempt in failed), *_end_without_attempt(ended)],
        attempts=attempts,
        worker=str(processor or UNKNOWN_WORKER),
    )  # fmt: skip
    object.__setattr__(result, "_return_value", ended and ended.result)
    return result


def _end_without_attempt(ended: Outcome | None) -> list[TaskError]:
    """Return the error of a job that was cancelled, or failed before it started: no attempt has it."""
    if ended is None or ended.status == Status.SUCCEEDED or (ended.status == Status.FAILED and ended.attempt):
        return []
    return [as_error(ended.error or str(JobCancelled.__doc__), ended.log)]


class StoredError(TaskError):
    """The error of an attempt. The path of its class is text of the database: no module is imported by it."""

    __slots__ = ()

    @property
    def exception_class(self) -> type[BaseException]:
        """The exception's class. Raises ImportError if this process has not imported its module."""
        module = self.exception_class_path.rpartition(".")[0]
        if module not in sys.modules:
            raise ImportError(f"The class of this error is in {module}, which must be imported before it is asked for.")
        return super().exception_class


def as_error(error: str, log: str) -> TaskError:
    """Return Django's form of an attempt's error. The log ends with the traceback, if there is one."""
    begin = log.find("Traceback (most recent call last):")
    return StoredError(exception_class_path=_class_path(error, log), traceback=log[begin:] if begin >= 0 else error)


def _class_path(error: str, log: str) -> str:
    """Return the path of the exception's class: as the traceback has it, or the reason why the queue stopped it."""
    for reason in (TimeLimitReached, LeaseLost, JobCancelled):
        if error == reason.__doc__:
            return f"{reason.__module__}.{reason.__qualname__}"
    name = error.partition(":")[0]
    last_frame = log[max(log.rfind('\n  File "'), 0) :]
    line = re.search(rf"^((?:[\w<>]+\.)+{re.escape(name)})(?=:|$)", last_frame, re.MULTILINE)
    if line is not None and name.isidentifier():
        return line[1]
    if hasattr(builtins, name) and log:
        return f"builtins.{name}"
    return f"{JobFailed.__module__}.{JobFailed.__qualname__}"
