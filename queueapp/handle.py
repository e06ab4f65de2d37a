"""Jobs as programs inside the Django project handle them: the class behind the functions of `queueapp`."""

from __future__ import annotations

import asyncio
import math
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Self, get_args

from asgiref.sync import sync_to_async
from django.contrib.auth.models import AbstractBaseUser

from .db.caller import in_transaction
from .errors import FieldError, InTransaction, InvalidSubmission, JobNotFound, WaitTimeout
from .job_ids import job_id_problem, normal_job_id
from .lifecycle import cancel, reorder, retry
from .lifecycle.job_filter import End
from .models import Job as JobRow
from .models import Outcome, Owner
from .policy.rules import SYSTEM, SYSTEM_SENTENCE
from .registry import name_of
from .snapshots import job_dict, shapes
from .states import FINISHED, Status

FIRST_PAUSE, LAST_PAUSE = 0.02, 1.0
"""Minimum and maximum seconds between two looks of wait(); in between a tenth of the time waited so far."""


class Job:
    """A handle of one job, by its owner and `job_id`. The attributes are those that were read last: see refresh().

    The first use of one reads them. In async code, call `await job.arefresh()` before.
    """

    def __init__(self, owner: Owner, job_id: str, data: shapes.Job | None = None) -> None:
        self.owner = owner
        self.job_id = job_id
        self._data = data

    def __repr__(self) -> str:
        return f"<Job {self.job_id!r} of {self.owner.pk}>"

    @property
    def data(self) -> shapes.Job:
        """The job as GET jobs/{job_id}/ has it."""
        if self._data is None:
            self.refresh()
        assert self._data is not None
        return self._data

    @property
    def status(self) -> Status:
        """The state: queued, running, succeeded, failed or cancelled."""
        return self.data["status"]

    @property
    def ended(self) -> bool:
        """Whether it succeeded, failed, or was cancelled."""
        return self.status in FINISHED

    @property
    def result(self) -> Any:
        """The value that the task returned, as JSON; None unless it succeeded."""
        return self.data["result"]

    @property
    def error(self) -> str:
        """Why it failed; else empty."""
        return self.data["error"]

    def refresh(self) -> Self:
        """Read the job again, and return this handle. Raises JobNotFound."""
        row = JobRow.objects.whole().filter(owner=self.owner, name=self.job_id).first()
        if row is None:
            raise JobNotFound
        self._data = job_dict(row)
        return self

    def wait(self, timeout: float | None = None) -> Self:
        """Return this handle, refreshed, once the job has ended. Raises WaitTimeout after `timeout` seconds.

        Raises InTransaction in a transaction, unless the job has ended already, and JobNotFound. Looks at the job again
        after a tenth of the time waited, 0.02 to 1 s. A task that waits for another job keeps its processor.
        """
        for pause in _pauses(timeout):
            if self._has_ended():
                break
            time.sleep(pause)
        return self.refresh()

    async def await_(self, timeout: float | None = None) -> Self:  # noqa: ASYNC109 (as wait() has it)
        """As wait(), for async code."""
        for pause in _pauses(timeout):
            if await sync_to_async(self._has_ended)():
                break
            await asyncio.sleep(pause)
        return await self.arefresh()

    def _has_ended(self) -> bool:
        """Whether the job has ended. Raises JobNotFound, and InTransaction if a wait for it may have no end."""
        if Outcome.objects.filter(pk=self._row().pk).exists():
            return True
        if in_transaction():
            raise InTransaction
        return False

    def cancel(self) -> bool:
        """Cancel the job. Return True if it is cancelled, False if it runs and was asked to stop.

        Raises NotCancellable if it has ended, JobNotFound, and InTransaction. Locks: see lifecycle/cancel.py.
        """
        return cancel.cancel(self._row(alone=True))

    def retry(self) -> None:
        """Let the job wait again, in its old place. Raises NotRetryable unless it failed or was cancelled.

        Raises JobNotFound, and InTransaction. Locks: see lifecycle/retry.py.
        """
        retry.try_again(self._row(alone=True))

    def move(self, to: End) -> None:
        """Move the job to the front of its owner's own flow, or to the back. Raises NotMovable, which says why not.

        Raises ValueError for another end, JobNotFound, and InTransaction. Locks: see lifecycle/reorder.py.
        """
        if to not in get_args(End):
            raise ValueError(f"A job is moved to the front or the back, not to {to!r}.")
        reorder.reorder(self._row(alone=True), front=to == "front")

    def _row(self, *, alone: bool = False) -> JobRow:
        if alone and in_transaction():
            raise InTransaction
        row = JobRow.objects.defer("payload").filter(owner=self.owner, name=self.job_id).first()
        if row is None:
            raise JobNotFound
        return row

    async def arefresh(self) -> Self:
        """As refresh(), for async code."""
        return await sync_to_async(self.refresh)()

    async def acancel(self) -> bool:
        """As cancel(), for async code."""
        return await sync_to_async(self.cancel)()

    async def aretry(self) -> None:
        """As retry(), for async code."""
        await sync_to_async(self.retry)()

    async def amove(self, to: End) -> None:
        """As move(), for async code."""
        await sync_to_async(self.move)(to)


def _pauses(timeout: float | None) -> Iterator[float]:
    """Yield the seconds until the next look. Raises WaitTimeout if `timeout` seconds are over."""
    begun = time.monotonic()
    while True:
        waited = time.monotonic() - begun
        left = math.inf if timeout is None else max(timeout - waited, 0.0)
        yield min(max(waited / 10, FIRST_PAUSE), LAST_PAUSE, left)
        if not left:
            raise WaitTimeout


def owner_of(whose: AbstractBaseUser | str) -> Owner:
    """Return the owner of jobs: a user of the project, or a fairness key.

    Raises ValueError for a key that is none or that of the queue's own jobs, and for a user who is not saved, as nobody
    who is not logged in is.
    """
    if isinstance(whose, str):
        if whose.startswith(SYSTEM):
            raise ValueError(SYSTEM_SENTENCE)
        return Owner.objects.of_key(whose)
    if whose.pk is None or whose._state.adding:  # a key may have a default
        raise ValueError("The owner must be a saved user, or a fairness key.")
    return Owner.objects.of_user(whose)


def find(whose: AbstractBaseUser | str, job_id: str) -> Job:
    """See queueapp.get(). Creates no owner."""
    if isinstance(whose, str):
        owner = Owner.objects.find_key(whose)
    else:
        owner = Owner.objects.filter(user_id=whose.pk, user__isnull=False).first()
    name = normal_job_id(job_id)
    if owner is None or job_id_problem(name):
        raise JobNotFound
    return Job(owner, name).refresh()


def as_asked(job: Any, index: int | None = None) -> Any:
    """Return a job as validation takes it: the task by its name, with a job_id. What is no job stays as it is.

    Raises InvalidSubmission if the job says whose it is, or if its task is a callable that is not registered.
    """
    if not isinstance(job, Mapping):
        return job
    if named := {"user", "key"} & set(job):
        raise InvalidSubmission([FieldError(named.pop(), "the owner is the first argument", index)])
    asked = dict(job)
    if asked.get("job_id") is None:
        asked["job_id"] = uuid.uuid4().hex
    if callable(task := asked.get("task")):
        asked["task"] = _registered(task, index)
    return asked


def _registered(task: Callable[..., Any], index: int | None) -> str:
    name = name_of(task)
    if name is None:
        raise InvalidSubmission([FieldError("task", f"{task!r} is not registered by @task", index)])
    return name
