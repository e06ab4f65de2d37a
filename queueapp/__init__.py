"""A fair job queue for many users: the names that a project uses. docs/guides/use-from-python.md shows them.

`task` registers a callable, which gets a `JobContext`; `JobFailed` and `JobCancelled` end an attempt in words.
`submit` and `submit_many` accept jobs, `get` finds one. Each returns handles of jobs: queueapp/handle.py. `asubmit`,
`asubmit_many` and `aget` are the same for async code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from asgiref.sync import sync_to_async

from .errors import JobCancelled, JobFailed
from .registry import JobContext, task

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser

    from .handle import Job

__all__ = [
    "JobCancelled",
    "JobContext",
    "JobFailed",
    "aget",
    "asubmit",
    "asubmit_many",
    "get",
    "submit",
    "submit_many",
    "task",
]

# Models are there once Django's applications are loaded, and this module is loaded before: so imports are below.


def submit(
    owner: AbstractBaseUser | str,
    task: str | Callable[..., Any],
    payload: dict[str, Any] | None = None,
    *,
    duration: float,
    job_id: str | None = None,
    run_at: datetime | None = None,
    time_limit: float | None = None,
    memory_limit: float | None = None,
) -> Job:
    """Accept a job, and return its handle.

    `owner`: a user of the project, or a fairness key such as "team-blue". `task`: a registered callable or its name.
    `payload`: its keyword arguments. `duration`: expected processor seconds. `job_id`: an idempotency key; None: a new
    one. `run_at`: not before this moment. `time_limit`, in seconds, and `memory_limit`, in megabytes: of one attempt.
    Commits, unless the caller is in a transaction: then the job is accepted by its commit, and nobody waits for it.
    Raises InvalidSubmission with the field named, JobConflict if the job_id is taken by other content, BacklogFull if
    the owner's quota has no room, ValueError for a key that is none. Locks: see db/sql/backlog/submit.sql.
    """
    from .handle import Job, as_asked, owner_of
    from .lifecycle.submit import submit as accept
    from .lifecycle.validation import parse

    asked: dict[str, Any] = {
        "job_id": job_id,
        "task": task,
        "payload": {} if payload is None else payload,
        "duration": duration,
        "run_at": run_at,
        "time_limit": time_limit,
        "memory_limit": memory_limit,
    }
    submission = parse(as_asked(asked))
    whose = owner_of(owner)
    accept(whose, [submission])
    return Job(whose, submission.job_id)


def submit_many(owner: AbstractBaseUser | str, jobs: Iterable[Mapping[str, Any]]) -> list[Job]:
    """Accept jobs, all or none, in the order given, and return their handles. Otherwise like submit().

    Each job has the parameters of submit() as its keys; `task` is "wait" if it is left out. At most MAX_BULK_JOBS.
    Errors have the index of their job.
    """
    from .handle import Job, as_asked, owner_of
    from .lifecycle.submit import submit as accept
    from .lifecycle.validation import parse_all

    submissions = parse_all([as_asked(job, index) for index, job in enumerate(jobs)])
    whose = owner_of(owner)
    accept(whose, submissions)
    return [Job(whose, submission.job_id) for submission in submissions]


def get(owner: AbstractBaseUser | str, job_id: str) -> Job:
    """Return the handle of a job, refreshed. Raises JobNotFound."""
    from .handle import find

    return find(owner, job_id)


asubmit = sync_to_async(submit)
"""As submit(), for async code."""
asubmit_many = sync_to_async(submit_many)
"""As submit_many(), for async code."""
aget = sync_to_async(get)
"""As get(), for async code."""
