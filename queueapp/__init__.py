"""A fair job queue for many users: the names that a project uses. docs/index.md is the map of the documentation.

`task` registers a callable, which gets a `JobContext`; `JobFailed` and `JobCancelled` end an attempt in words;
`submit` accepts jobs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .errors import FieldError, InvalidSubmission, JobCancelled, JobFailed
from .registry import JobContext, task

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser

    from .lifecycle.submit import Accepted

__all__ = ["JobCancelled", "JobContext", "JobFailed", "submit", "task"]


def submit(owner: AbstractBaseUser | str, *jobs: Mapping[str, Any]) -> Accepted:
    """Return the number of new jobs, and of those that existed with the same content. All are accepted, or none.

    `owner`: a user of the project, or a fairness key such as "team-blue". Each job has the fields of POST jobs/:
    `job_id` and `duration`, and as needed `task`, `payload`, `run_at`, `time_limit`, `memory_limit`. Commits, unless
    the caller is in a transaction: then the jobs come with its commit.
    Raises InvalidSubmission with the field named, JobConflict where a job_id is taken by other content, BacklogFull
    where the owner's quota has no room, ValueError for a key that is none. Locks: see db/sql/backlog/submit.sql.
    """
    # Models are there once Django's applications are loaded, and this module is loaded before.
    from .lifecycle.submit import submit as accept
    from .lifecycle.validation import parse_all
    from .models import Owner

    for index, job in enumerate(jobs):
        if named := {"user", "key"} & set(job):
            raise InvalidSubmission([FieldError(named.pop(), "the owner is the first argument of submit()", index)])
    whose = Owner.objects.of_key(owner) if isinstance(owner, str) else Owner.objects.of_user(owner)
    return accept(whose, parse_all([dict(job) for job in jobs]))
