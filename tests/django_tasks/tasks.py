"""Tasks of Django's, in a module that the settings of the tests name: see MODULES there."""

from __future__ import annotations

import os
from typing import Any

from django_tasks import task

from queueapp import JobFailed


class Spilled(Exception):
    """An error of a task's own."""


@task
def add(left: int, right: int) -> int:
    """Return the sum."""
    return left + right


@task(takes_context=True)
def half_way(context: Any) -> list[Any]:
    """Report progress, and return whose job it is."""
    context.job.progress(0.5, "half way")
    return [context.job.fraction, context.attempt]


@task(backend="patient", takes_context=True)
def spills(context: Any, times: int) -> str:
    """Fail on the first so many attempts."""
    if context.attempt <= times:
        raise Spilled(f"attempt {context.attempt}")
    return f"attempt {context.attempt}"


@task(backend="patient")
def refuses() -> None:
    """Fail for good at once."""
    raise JobFailed("KeyError: not this one")


@task
async def add_later(left: int, right: int) -> int:
    """Return the sum, from a coroutine."""
    return left + right


@task
def ends_its_process() -> None:
    """End the process that runs it."""
    os._exit(3)


@task(backend="immediate")
def of_another_backend(word: str) -> str:
    """Return the word. It is decorated for another backend."""
    return word.upper()


def owner_of_order(task: Any, args: list[Any], kwargs: dict[str, Any]) -> str | None:
    """Return whose a job is: the tenant that its first argument names."""
    return None if args[0] == 0 else f"tenant-{args[0]}"
