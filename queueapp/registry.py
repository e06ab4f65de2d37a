"""The tasks that jobs can ask for: Python callables registered by name.

    from queueapp.registry import JobContext, task

    @task("resize")
    def resize(job: JobContext, width: int, height: int) -> dict[str, int]:
        job.progress(0.5, "half way")
        return {"pixels": width * height}

in the tasks.py of any installed app. A job's payload is the callable's keyword arguments; what it returns, as JSON,
is the job's result; an exception fails the job with its message.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError, create_model

from .conf import queue_settings
from .errors import FieldError
from .storable import clean_text

Function = Callable[..., Any]
Check = Callable[[Mapping[str, Any]], str | None]
LONGEST_MESSAGE = 500
"""Characters of a progress message."""


class Reports:
    """Progress that a job reports, and what it is told; in memory of this process. Processors have a shared one."""

    fraction = 0.0
    message = ""
    cancelled = False
    stopping = False

    def report(self, fraction: float, message: str) -> None:
        """Keep a fraction from 0 to 1, and a message that the database can hold."""
        self.fraction, self.message = fraction, message


class JobContext:
    """What a running job knows of itself, and tells of its progress."""

    def __init__(self, job_id: str, duration: float, attempt: int = 1, reports: Reports | None = None) -> None:
        self.job_id = job_id
        self.duration = duration
        self.attempt = attempt
        self._reports = reports or Reports()

    @property
    def cancelled(self) -> bool:
        """Whether it was asked to stop; a task that looks can end tidily before it is made to."""
        return self._reports.cancelled

    @property
    def stopping(self) -> bool:
        """Whether its cluster is being stopped: after a grace period the job goes back to the queue, at no attempt.

        A task that looks can save its place, and raise or return.
        """
        return self._reports.stopping

    @property
    def fraction(self) -> float:
        """The progress reported last, from 0 to 1."""
        return self._reports.fraction

    @property
    def message(self) -> str:
        """The message reported last."""
        return self._reports.message

    def progress(self, fraction: float, message: str = "") -> None:
        """Report how far the job is: from 0 to 1, with a few words. Costs next to nothing; call it often.

        NaN counts as 0, and what lies outside as 0 or 1. Of the message 500 characters are kept.
        """
        given = float(fraction)
        within = min(given, 1.0) if given >= 0 else 0.0
        self._reports.report(within, clean_text(message, LONGEST_MESSAGE))


@dataclass(frozen=True)
class Task:
    """A registered callable and the shape of its payload."""

    name: str
    function: Function
    payload: TypeAdapter[Any]
    check: Check | None = None
    max_attempts: int | None = None
    time_limit: float | None = None
    memory_limit: float | None = None

    def payload_errors(self, payload: Mapping[str, Any]) -> list[FieldError]:
        """What the callable would not accept in this payload, field by field; empty: nothing."""
        try:
            self.payload.validate_python(payload, strict=True)
        except ValidationError as invalid:
            return [
                FieldError(".".join(["payload", *map(str, error["loc"])]), error["msg"])
                for error in invalid.errors(include_url=False, include_context=False, include_input=False)
            ]
        problem = self.check(payload) if self.check is not None else None
        return [FieldError("payload", problem)] if problem else []

    def run(self, handle: JobContext, payload: Mapping[str, Any]) -> Any:
        """What the callable returns. Raises what it raises."""
        return self.function(handle, **payload)


_tasks: dict[str, Task] = {}


def task(
    name: str,
    *,
    check: Check | None = None,
    max_attempts: int | None = None,
    time_limit: float | None = None,
    memory_limit: float | None = None,
) -> Callable[[Function], Function]:
    """Register a callable as the task `name`.

    `check`, where given, looks at a payload of the right shape when a job is submitted and returns what is wrong
    with it, or None. `max_attempts`: attempts before a job fails, None: QUEUEAPP's MAX_ATTEMPTS; JobFailed fails it
    at once. `time_limit`: seconds that an attempt may take, where the job does not say; None: no limit.
    `memory_limit`: megabytes that an attempt may take beyond those of an idle processor; None: no limit.
    Raises ValueError where the name is taken by another callable.
    """

    def register(function: Function) -> Function:
        known = _tasks.get(name)
        if known is not None and known.function.__qualname__ != function.__qualname__:
            raise ValueError(f"The task name {name!r} is taken by {known.function.__qualname__}.")
        _tasks[name] = Task(name, function, _payload_shape(function), check, max_attempts, time_limit, memory_limit)
        return function

    return register


def find_task(name: str) -> Task | None:
    """The task registered under this name, if any."""
    return _tasks.get(name)


def all_tasks() -> dict[str, Task]:
    """A copy of what is registered, by name."""
    return dict(_tasks)


def max_attempts(name: str) -> int:
    """Attempts at a job of this task before it fails."""
    found = find_task(name)
    return (found.max_attempts if found is not None else None) or queue_settings().MAX_ATTEMPTS


def task_names() -> list[str]:
    """The names of all registered tasks, sorted."""
    return sorted(_tasks)


def _payload_shape(function: Function) -> TypeAdapter[Any]:
    """A validator of the callable's keyword arguments, from its annotations; the handle is left out."""
    hints = typing.get_type_hints(function)
    fields: dict[str, Any] = {}
    extra: typing.Literal["allow", "forbid"] = "forbid"
    for parameter in list(inspect.signature(function).parameters.values())[1:]:
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            extra = "allow"
        elif parameter.kind is not inspect.Parameter.VAR_POSITIONAL:
            default = ... if parameter.default is inspect.Parameter.empty else parameter.default
            fields[parameter.name] = (hints.get(parameter.name, Any), default)
    shape = create_model(f"{function.__name__} payload", __config__=ConfigDict(extra=extra), **fields)
    return TypeAdapter(shape)
