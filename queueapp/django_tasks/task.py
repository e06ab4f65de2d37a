"""The tasks of the backend: Django's own, which can also say whose job it is, how long it takes, and its name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

from ..registry import JobContext
from .compat import Task, TaskContext

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser

    AnyTask = Task[..., Any]
else:
    AnyTask = Task  # Django 6 has no parameters of it


@dataclass(frozen=True, slots=True, kw_only=True)
class FairTask(AnyTask):
    """A task of FairBackend. None: what the backend's OPTIONS say; and a new job_id for each job.

    `owner`: a user of the project, or a fairness key. `duration`: expected processor seconds. `job_id`: an idempotency
    key.
    """

    owner: AbstractBaseUser | str | None = None
    duration: float | None = None
    job_id: str | None = None

    def using(
        self,
        *,
        priority: int | None = None,
        queue_name: str | None = None,
        run_after: datetime | None = None,
        backend: str | None = None,
        owner: AbstractBaseUser | str | None = None,
        duration: float | None = None,
        job_id: str | None = None,
    ) -> Self:
        """Return a copy of the task with these values. Raises InvalidTask."""
        asked: Mapping[str, Any] = {
            "priority": priority,
            "queue_name": queue_name,
            "run_after": run_after,
            "backend": backend,
            "owner": owner,
            "duration": duration,
            "job_id": job_id,
        }
        return replace(self, **{name: value for name, value in asked.items() if value is not None})


@dataclass(frozen=True, slots=True, kw_only=True)
class FairContext(TaskContext):
    """The context of a task that takes one. `job` is the queue's: progress, and requests to stop."""

    job: JobContext
