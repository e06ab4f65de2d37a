"""The tasks of this process that the backend can run, by name; and how a job of the queue runs one."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from django.apps import apps

from .. import registry
from ..registry import JobContext
from .compat import DEFAULT_TASK_BACKEND_ALIAS, DEFAULT_TASK_QUEUE_NAME, InvalidTask, Task

LONGEST_NAME = 100
"""Maximum length of the name of a task, in characters: its module and function."""

_known: dict[str, Task[..., Any]] = {}
_late: set[str] = set()
"""Names of tasks that were not there when the process had started. A processor does not have them."""


def add_task(task: Task[..., Any], max_attempts: int) -> None:
    """Register a task with the queue under the path of its function, unless it is. Raises InvalidTask, ValueError."""
    name = task.module_path
    if name in _known:
        return
    if len(name) > LONGEST_NAME:
        raise InvalidTask(f"The path {name!r} has {len(name)} characters; at most {LONGEST_NAME} are taken.")

    def run(
        job: JobContext,
        args: list[Any],
        kwargs: dict[str, Any],
        backend: str = DEFAULT_TASK_BACKEND_ALIAS,
        queue_name: str = DEFAULT_TASK_QUEUE_NAME,
    ) -> Any:
        from .running import run_task

        return run_task(_known[name], job, args, kwargs, backend, queue_name)

    registry.task(name, max_attempts=max_attempts, internal=True)(run)
    _known[name] = task
    if apps.ready:
        _late.add(name)


def find(name: str) -> Task[..., Any] | None:
    """Return the task of this name, if this process has it."""
    return _known.get(name)


def names() -> list[str]:
    """Return the names of the tasks that this process has."""
    return list(_known)


def refuse_late(task: Task[..., Any]) -> None:
    """Raise InvalidTask if no processor has the task, so that its job would wait for ever."""
    if task.module_path in _late:
        raise InvalidTask(
            f"No processor has {task.module_path}: its module is imported only after the start. Move it to the tasks.py"
            f" of an installed app, or name {task.func.__module__!r} in the backend's OPTIONS, under MODULES."
        )


def import_tasks(module: str, max_attempts: int) -> None:
    """Import a module, and register all tasks in it, also those that are decorated for another backend."""
    for value in list(vars(import_module(module)).values()):
        if isinstance(value, Task):
            add_task(value, max_attempts)
