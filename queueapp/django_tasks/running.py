"""Runs one task in the process of a job, and sends the signals of the interface there."""

from __future__ import annotations

import os
import socket
from dataclasses import replace
from typing import Any

from django.utils import timezone

from ..errors import JobCancelled, JobFailed, LeaseLost
from ..registry import JobContext
from ..registry import max_attempts as attempts_of
from ..workers.attempt_text import describe, result_text
from .compat import Task, TaskResult, TaskResultStatus, normalize_json, task_finished, task_started
from .results import as_error, make_result
from .task import FairContext


def run_task(
    task: Task[..., Any], job: JobContext, args: list[Any], kwargs: dict[str, Any], backend: str, queue_name: str
) -> Any:
    """Return what the function returns, as JSON has it. Raises what it raises, and TypeError or ValueError for a result
    that cannot be stored.

    The signals are sent before the outcome is durable, so at least once. A receiver's exception is logged. No query.
    """
    task = replace(task, backend=backend, queue_name=queue_name)
    now = timezone.now()
    result = make_result(
        task, job.owner_id, job.job_id, args, kwargs,
        status=TaskResultStatus.RUNNING,
        started_at=now,
        last_attempted_at=now,
        attempts=job.attempt,
        worker=f"{socket.gethostname()}:{os.getpid()}",
    )  # fmt: skip
    sender = type(task.get_backend())
    task_started.send_robust(sender, task_result=result)
    context = [FairContext(task_result=result, job=job)] if task.takes_context else []
    try:
        value = normalize_json(task.call(*context, *result.args, **result.kwargs))
        result_text(value)
    except BaseException as failure:
        if _is_last(failure, job, task):
            _finish(result, TaskResultStatus.FAILED)
            result.errors.append(as_error(*describe(failure)[1:]))
            task_finished.send_robust(sender, task_result=result)
        raise
    _finish(result, TaskResultStatus.SUCCESSFUL)
    object.__setattr__(result, "_return_value", value)
    task_finished.send_robust(sender, task_result=result)
    return value


def _is_last(failure: BaseException, job: JobContext, task: Task[..., Any]) -> bool:
    """Whether the job ends with this failure: no attempt follows."""
    if isinstance(failure, LeaseLost):
        return False
    return isinstance(failure, JobFailed | JobCancelled) or job.attempt >= attempts_of(task.module_path)


def _finish(result: TaskResult[Any], status: TaskResultStatus) -> None:
    object.__setattr__(result, "status", status)
    object.__setattr__(result, "finished_at", timezone.now())
