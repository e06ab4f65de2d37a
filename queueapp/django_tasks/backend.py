"""The backend: it takes Django's tasks as jobs of the queue, and finds their results."""

from __future__ import annotations

import math
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from django.core import checks
from django.utils.module_loading import import_string

from ..errors import InvalidSubmission
from ..job_ids import normal_job_id
from . import ids, known
from .compat import (
    DEFAULT_TASK_BACKEND_ALIAS,
    DEFAULT_TASK_QUEUE_NAME,
    BaseTaskBackend,
    InvalidTask,
    Task,
    TaskResult,
    normalize_json,
    task_backends,
    task_enqueued,
)
from .task import FairTask

DEFAULT_OWNER = "django-tasks"
"""The fairness key of tasks whose owner nobody names."""
DEFAULT_DURATION = 1.0
"""Expected processor seconds of a task for which nobody says them."""
OPTIONS = frozenset({"DURATION", "MAX_ATTEMPTS", "MODULES", "OWNER"})


class FairBackend(BaseTaskBackend):
    """The queue as a backend of Django's tasks.

    OPTIONS: OWNER, a callable or its path, which gets the task, args and kwargs, and returns a user or a fairness key;
    DURATION, seconds; MAX_ATTEMPTS; MODULES, those with tasks that are no tasks.py of an installed app.
    """

    task_class = FairTask  # type: ignore[assignment]  # there it is the generic class
    supports_defer = True
    supports_async_task = True
    supports_get_result = True
    supports_priority = False

    @property
    def max_attempts(self) -> int:
        """Attempts at a task. One by default: the interface promises no more, and functions may rely on it."""
        attempts = self.options.get("MAX_ATTEMPTS", 1)
        return attempts if isinstance(attempts, int) and attempts > 0 else 1  # check() says what is wrong

    def validate_task(self, task: Task[..., Any]) -> None:
        """Raise InvalidTask if the backend cannot run the task; else register it with the queue."""
        if task.priority:
            raise InvalidTask(
                f"priority must be left out, not {task.priority}: the queue is fair, and shares are decided by the"
                " rules of the staff, not by who submits."
            )
        super().validate_task(task)
        known.add_task(task, self.max_attempts)

    def enqueue(self, task: Task[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> TaskResult[Any]:
        """Accept a job that runs the task, and return its result, which is READY.

        In a transaction of the caller's the job is accepted by its commit. The same job_id with the same arguments is
        the same job: its result is returned as it stands.
        Raises InvalidTask, TypeError or ValueError for arguments that JSON cannot hold, JobConflict and BacklogFull.
        """
        from ..handle import owner_of
        from ..lifecycle.submit import submit
        from ..lifecycle.validation import parse
        from .results import find_result, make_result

        self.validate_task(task)
        known.refuse_late(task)
        payload = _payload(task, args, kwargs)
        asked = {"task": task.module_path, "payload": payload, "run_at": task.run_after} | self._terms(task)
        try:
            submission = parse(asked, internal=True)
        except InvalidSubmission as invalid:
            raise InvalidTask("; ".join(f"{error.field}: {error.message}" for error in invalid.errors)) from None
        owner = owner_of(self._owner(task, payload["args"], payload["kwargs"]))
        newest = submit(owner, [submission]).newest
        if newest is None:
            return find_result(ids.result_id(owner.pk, submission.job_id))
        result = make_result(
            task, owner.pk, submission.job_id, payload["args"], payload["kwargs"], enqueued_at=newest.submitted_at
        )
        task_enqueued.send_robust(type(self), task_result=result)
        return result

    def get_result(self, result_id: str) -> TaskResult[Any]:
        """Return the result with this id. Raises TaskResultDoesNotExist, also for a task that this process lacks."""
        from .results import find_result

        return find_result(result_id)

    def check(self, **kwargs: Any) -> Iterable[checks.CheckMessage]:
        """Return what is wrong with the OPTIONS."""
        yield from super().check(**kwargs)
        for problem in _problems(self.options):
            yield checks.Error(
                f"TASKS[{self.alias!r}] has a wrong option: {problem}",
                "docs/guides/django-tasks.md says what the OPTIONS may be.",
                id="queueapp.E011",
            )

    def _owner(self, task: Task[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Return whose job it is: as the task says, or else the OPTIONS."""
        owner = getattr(task, "owner", None)
        if owner is None and (ask := self.options.get("OWNER")) is not None:
            owner = _callable(ask)(task, args, kwargs)
            if owner is None:
                raise InvalidTask(f"OWNER returned None for {task.module_path}: return a user or a fairness key.")
        return DEFAULT_OWNER if owner is None else owner

    def _terms(self, task: Task[..., Any]) -> dict[str, Any]:
        """Return the job_id and duration to submit. Raises InvalidTask for a job_id that is too long for an id."""
        duration, job_id = getattr(task, "duration", None), getattr(task, "job_id", None)
        if isinstance(job_id, str) and len(job_id := normal_job_id(job_id)) > ids.LONGEST_JOB_ID:
            raise InvalidTask(f"job_id: has {len(job_id)} characters; at most {ids.LONGEST_JOB_ID} are taken")
        return {
            "job_id": uuid.uuid4().hex if job_id is None else job_id,
            "duration": self.options.get("DURATION", DEFAULT_DURATION) if duration is None else duration,
        }


def prepare() -> None:
    """Import the MODULES of all such backends, so that each process of the project has the same tasks."""
    from . import running  # noqa: F401 (processes of tasks are forked later, and have it then)

    for backend in task_backends.all():
        if isinstance(backend, FairBackend):
            for module in backend.options.get("MODULES", ()):
                known.import_tasks(module, backend.max_attempts)


def _payload(task: Task[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the payload of the job. Raises TypeError or ValueError, with the argument named."""
    payload: dict[str, Any] = {
        "args": [_json(task, str(index), value) for index, value in enumerate(args)],
        "kwargs": {name: _json(task, name, value) for name, value in kwargs.items()},
    }
    if task.backend != DEFAULT_TASK_BACKEND_ALIAS:
        payload["backend"] = task.backend
    if task.queue_name != DEFAULT_TASK_QUEUE_NAME:
        payload["queue_name"] = task.queue_name
    return payload


def _json(task: Task[..., Any], argument: str, value: Any) -> Any:
    try:
        return normalize_json(value)
    except (TypeError, ValueError) as error:
        raise type(error)(f"Argument {argument} of {task.module_path} cannot be stored as JSON: {error}") from None


def _callable(given: Any) -> Callable[..., Any]:
    found: Callable[..., Any] = import_string(given) if isinstance(given, str) else given
    return found


def _problems(options: Mapping[str, Any]) -> Iterable[str]:
    for unknown in sorted(set(options) - OPTIONS):
        yield f"there is no {unknown}; there are: {', '.join(sorted(OPTIONS))}."
    if (ask := options.get("OWNER")) is not None:
        try:
            if not callable(_callable(ask)):
                yield "OWNER must be a callable, or the path of one."
        except ImportError as error:
            yield f"OWNER cannot be imported: {error}"
    duration, attempts = options.get("DURATION", DEFAULT_DURATION), options.get("MAX_ATTEMPTS", 1)
    if isinstance(duration, bool) or not isinstance(duration, int | float) or not 0 < duration < math.inf:
        yield f"DURATION must be a number of seconds above 0, not {duration!r}."
    if isinstance(attempts, bool) or not isinstance(attempts, int) or attempts < 1:
        yield f"MAX_ATTEMPTS must be a whole number from 1 on, not {attempts!r}."
