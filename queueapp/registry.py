"""The tasks that jobs can ask for: Python callables registered by name.

    from queueapp.registry import Handle, task

    @task("resize")
    def resize(job: Handle, width: int, height: int) -> dict[str, int]:
        job.progress(0.5, "half way")
        return {"pixels": width * height}

in the tasks.py of any installed app. A job's payload is the callable's keyword arguments; what it returns, as JSON,
is the job's result; an exception fails the job with its message.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError, create_model

from .conf import queue_settings
from .errors import FieldError

Function = Callable[..., Any]
Check = Callable[[Mapping[str, Any]], str | None]


@dataclass
class Handle:
    """What a running job knows of itself, and tells of its progress.

    `cancelled`: whether it was asked to stop; a task that looks can end tidily before it is made to.
    """

    job_id: str
    duration: float
    attempt: int = 1
    fraction: float = field(default=0.0, init=False)
    message: str = field(default="", init=False)
    cancelled: bool = field(default=False, init=False)

    def progress(self, fraction: float, message: str = "") -> None:
        """Say how far the job is: from 0 to 1, with a few words. Costs next to nothing; call it often."""
        self.fraction = min(max(float(fraction), 0.0), 1.0)
        self.message = message.replace("\x00", "")[:500]


@dataclass(frozen=True)
class Task:
    """A registered callable and the shape of its payload."""

    name: str
    function: Function
    payload: TypeAdapter[Any]
    check: Check | None = None
    max_attempts: int | None = None
    time_limit: float | None = None

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

    def run(self, handle: Handle, payload: Mapping[str, Any]) -> Any:
        """What the callable returns. Raises what it raises."""
        return self.function(handle, **payload)


_tasks: dict[str, Task] = {}


def task(
    name: str, *, check: Check | None = None, max_attempts: int | None = None, time_limit: float | None = None
) -> Callable[[Function], Function]:
    """Register a callable as the task `name`.

    `check`, where given, looks at a payload of the right shape when a job is submitted and returns what is wrong
    with it, or None. `max_attempts`: attempts before a job fails, None: QUEUEAPP's MAX_ATTEMPTS; JobFailed fails it
    at once. `time_limit`: seconds that an attempt may take, where the job does not say; None: no limit.
    Raises ValueError where the name is taken by another callable.
    """

    def register(function: Function) -> Function:
        known = _tasks.get(name)
        if known is not None and known.function.__qualname__ != function.__qualname__:
            raise ValueError(f"The task name {name!r} is taken by {known.function.__qualname__}.")
        _tasks[name] = Task(name, function, _payload_shape(function), check, max_attempts, time_limit)
        return function

    return register


def find_task(name: str) -> Task | None:
    """The task registered under this name, if any."""
    return _tasks.get(name)


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
