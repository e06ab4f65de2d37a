"""The tasks that the suite enqueues. They are of the backend with the alias `default`: the one under test."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from .compat import TaskContext, task


class OutOfPaper(Exception):
    """An error of the suite's own."""


@task
def echo(*args: Any, **kwargs: Any) -> dict[str, Any]:
    """Return the arguments."""
    return {"args": list(args), "kwargs": kwargs}


@task
def other() -> None:
    """Do nothing."""


@task
def fail(text: str) -> None:
    """Raise an error of the suite's own."""
    raise OutOfPaper(text)


@task
def fail_with_cause() -> None:
    """Raise an error because of another one."""
    try:
        _ = dict[str, int]()["ink"]
    except KeyError as error:
        raise OutOfPaper("no ink") from error


class Tray:
    """Where an error can be of."""

    class Empty(Exception):
        """An error in a class."""


class Unspeakable(Exception):
    """An error that cannot be shown as text."""

    def __str__(self) -> str:
        raise RuntimeError("no words")


@task
def fail_as(kind: str) -> None:
    """Raise an error of this kind."""

    class Local(Exception):
        pass

    errors: dict[str, BaseException] = {
        "nested": Tray.Empty("tray 2"),
        "local": Local("tray 2"),
        "unspeakable": Unspeakable(),
        "lines": OutOfPaper("tray 2\nValueError: tray 3\n  OutOfPaper: tray 4"),
        "group": ExceptionGroup("trays", [ValueError("tray 2"), OutOfPaper("tray 3")]),
        "no words": ValueError(),
    }
    raise errors[kind]


@task
def enqueues(word: str) -> str:
    """Enqueue another task, and return the id of its result."""
    return echo.enqueue(word).id


@task(takes_context=True)
def reads_itself(context: TaskContext) -> list[Any]:
    """Return what the backend says of this very task."""
    found = reads_itself.get_result(context.task_result.id)
    return [str(found.status), found.attempts, found.started_at is not None, found.finished_at]


@task
def leave() -> None:
    """Raise what ends a process."""
    sys.exit("left")


@task
def returns_no_json() -> object:
    """Return a value that JSON has no form for."""
    return object()


@task
def returns_a_tuple() -> tuple[Any, ...]:
    """Return tuples, which JSON has as lists."""
    return (1, ("two", None), {"three": (3.5, True)})


@task(takes_context=True)
def tells_context(context: TaskContext, word: str = "") -> dict[str, Any]:
    """Return what the context says."""
    result = context.task_result
    return {
        "id": result.id,
        "attempt": context.attempt,
        "status": str(result.status),
        "args": result.args,
        "kwargs": result.kwargs,
        "path": result.task.module_path,
        "word": word,
    }


if getattr(echo.get_backend(), "supports_async_task", False):

    @task
    async def echo_later(value: Any) -> Any:
        """Return the value, from a coroutine."""
        await asyncio.sleep(0)
        return value

    @task
    async def fail_later() -> None:
        """Raise from a coroutine."""
        await asyncio.sleep(0)
        raise OutOfPaper("later")

    @task(takes_context=True)
    async def tells_context_later(context: TaskContext) -> str:
        """Return the id of the result, from a coroutine."""
        await asyncio.sleep(0)
        return context.task_result.id
