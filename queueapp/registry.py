"""The registry of tasks: Python callables that jobs run by name.

    from queueapp.registry import JobContext, task

    @task("resize")
    def resize(job: JobContext, width: int, height: int) -> dict[str, int]:
        job.progress(0.5, "half way")
        return {"pixels": width * height}

in the tasks.py of any installed app. A job's payload is the callable's keyword arguments. Its return value, as JSON,
is the job's result. An exception fails the attempt; JobFailed fails the job at once, with its message.
"""

from __future__ import annotations

import inspect
import sys
import time
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from .conf import queue_settings
from .errors import FieldError
from .invalid_input import message_of
from .storable import clean_text

if TYPE_CHECKING:
    from pydantic import TypeAdapter

# pytest loads this module at its start in any project (pytest_plugin.py): so pydantic is imported below.

Function = Callable[..., Any]
Check = Callable[[Mapping[str, Any]], str | None]
LONGEST_MESSAGE = 500
"""Maximum length of a progress message, in characters."""
LONGEST_LINE = 10_000
"""Maximum length of a line that JobContext.log() writes, in characters."""
LONGEST_NOTE, LONGEST_STAGE, MOST_STAGES = 20_000, 100, 100
"""Maximum length of a note and of a stage's name, in characters, and maximum number of stages."""


class Reports:
    """What a job reports and the requests to stop it, in this process's memory. Processors use SharedMemory instead."""

    fraction = 0.0
    message = ""
    cancelled = False
    stopping = False

    def __init__(self) -> None:
        self.stages: list[tuple[str, float]] = []
        """Names, and seconds after the beginning of the attempt."""
        self.note = ""
        self.begun = time.monotonic()

    def report(self, fraction: float, message: str) -> None:
        """Store a fraction from 0 to 1, and a message that the database can hold. The caller ensures both."""
        self.fraction, self.message = fraction, message

    def begin_stage(self, name: str) -> None:
        """Store that a stage begins now."""
        self.stages.append((name, round(time.monotonic() - self.begun, 3)))

    def set_note(self, text: str) -> None:
        """Store the note."""
        self.note = text

    def write_log(self, line: str) -> None:
        """Append a line to the log."""
        sys.stdout.write(f"{line}\n")


class JobContext:
    """A running job's identity, its progress, and the requests to stop it.

    `owner_id` is the primary key of queueapp.models.Owner. A `job_id` is unique per owner only.
    """

    def __init__(
        self, job_id: str, duration: float, attempt: int = 1, reports: Reports | None = None, owner_id: int = 0
    ) -> None:
        self.job_id = job_id
        self.owner_id = owner_id
        self.duration = duration
        self.attempt = attempt
        self._reports = reports or Reports()

    @property
    def cancelled(self) -> bool:
        """Whether the job was cancelled. A task that checks this can end cleanly before an exception stops it."""
        return self._reports.cancelled

    @property
    def stopping(self) -> bool:
        """Whether the cluster is being stopped: after a grace period the job goes back to the queue, at no attempt.

        A task that checks this can save its place, and raise or return.
        """
        return self._reports.stopping

    @property
    def fraction(self) -> float:
        """The last reported progress, from 0 to 1."""
        return self._reports.fraction

    @property
    def message(self) -> str:
        """The last reported message."""
        return self._reports.message

    def progress(self, fraction: float, message: str = "") -> None:
        """Report the progress, a fraction from 0 to 1, with a short message. This is cheap: call it often.

        NaN counts as 0; values outside count as 0 or 1. The message is cut to 500 characters.
        """
        given = float(fraction)
        within = min(given, 1.0) if given >= 0 else 0.0
        self._reports.report(within, clean_text(message, LONGEST_MESSAGE))

    def log(self, *values: object) -> None:
        """Write a line into the job's log, with the time in UTC. What is printed gets there, too, without a time."""
        words = clean_text(" ".join(map(str, values)), LONGEST_LINE)
        self._reports.write_log(f"{datetime.now(UTC):%H:%M:%S} {words}")

    def stage(self, name: str) -> None:
        """Begin a stage of this name, which ends the stage before. The job's page shows how long each took.

        The name is cut to 100 characters. Raises ValueError after 100 stages.
        """
        if len(self._reports.stages) >= MOST_STAGES:
            raise ValueError(f"A job has at most {MOST_STAGES} stages.")
        self._reports.begin_stage(clean_text(name, LONGEST_STAGE))

    def note(self, markdown: str) -> None:
        """Show this text, in Markdown, on the job's page, instead of the note before. HTML and images are left out.

        It is cut to 20,000 characters.
        """
        self._reports.set_note(clean_text(markdown, LONGEST_NOTE))


@dataclass(frozen=True)
class Task:
    """A registered callable, the validator of its payload, and its limits: see task()."""

    name: str
    function: Function
    payload: TypeAdapter[Any]
    check: Check | None = None
    max_attempts: int | None = None
    time_limit: float | None = None
    memory_limit: float | None = None
    internal: bool = False

    def payload_errors(self, payload: Mapping[str, Any]) -> list[FieldError]:
        """Return the errors of a payload, field by field. Empty: it has none."""
        from pydantic import ValidationError

        try:
            self.payload.validate_python(payload, strict=True)
        except ValidationError as invalid:
            return [
                FieldError(".".join(["payload", *map(str, error["loc"])]), message_of(error))
                for error in invalid.errors(include_url=False, include_input=False)
            ]
        problem = self.check(payload) if self.check is not None else None
        return [FieldError("payload", problem)] if problem else []

    def run(self, handle: JobContext, payload: Mapping[str, Any]) -> Any:
        """Return the callable's result. Raises what the callable raises."""
        return self.function(handle, **payload)


_tasks: dict[str, Task] = {}


def task(
    name: str,
    *,
    check: Check | None = None,
    max_attempts: int | None = None,
    time_limit: float | None = None,
    memory_limit: float | None = None,
    internal: bool = False,
) -> Callable[[Function], Function]:
    """Register a callable as the task `name`.

    `check`: called at submission with a payload of the right shape; returns what is wrong with it, or None.
    `max_attempts`: attempts before a job fails; None: QUEUEAPP's MAX_ATTEMPTS. JobFailed fails a job at once.
    `time_limit`: maximum seconds of an attempt. `memory_limit`: maximum megabytes of an attempt, beyond those that
    its process held before. A job can set its own limits; None: no limit.
    `internal`: no submission can name it, but those that code of this package makes: no request, no submit().
    Raises ValueError if a callable of another module, or with another `__qualname__`, has the name.
    """

    def register(function: Function) -> Function:
        known = _tasks.get(name)
        if known is not None and _place(known.function) != _place(function):  # the same: its module is read again
            raise ValueError(f"The task name {name!r} is taken by {_place(known.function)}.")
        shape = _payload_shape(function)
        _tasks[name] = Task(name, function, shape, check, max_attempts, time_limit, memory_limit, internal)
        return function

    return register


def _place(function: Function) -> str:
    return f"{function.__module__}.{function.__qualname__}"


def find_task(name: str) -> Task | None:
    """Return the task of this name; None if there is none."""
    return _tasks.get(name)


def is_internal(name: str) -> bool:
    """Whether no submission can name this task, but one of this package's own. An unknown task is not."""
    found = find_task(name)
    return found is not None and found.internal


def name_of(function: Function) -> str | None:
    """Return the name under which a callable is registered; None if it is not."""
    return next((name for name, known in _tasks.items() if known.function is function), None)


def all_tasks() -> dict[str, Task]:
    """Return a copy of the registry: the tasks by name."""
    return dict(_tasks)


def max_attempts(name: str) -> int:
    """Return the attempts at a job of this task before it fails."""
    found = find_task(name)
    return (found.max_attempts if found is not None else None) or queue_settings().MAX_ATTEMPTS


def task_names(*, internal: bool = False) -> list[str]:
    """Return the names of the registered tasks, sorted. `internal`: also of those that no submission can name."""
    return sorted(name for name, known in _tasks.items() if internal or not known.internal)


def _payload_shape(function: Function) -> TypeAdapter[Any]:
    """Return a validator of the callable's keyword arguments, from its annotations. The JobContext is left out."""
    from pydantic import ConfigDict, TypeAdapter, create_model

    hints = typing.get_type_hints(function, include_extras=True)
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
