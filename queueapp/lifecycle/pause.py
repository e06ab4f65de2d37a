"""Pauses: staff keep the jobs of an owner, of a task, or all jobs from being started for a while.

Running jobs end as usual. Waiting jobs of a paused owner or task are *parked*, in no flow. So a flow whose jobs are all
parked rests, and the claim need not read these pauses. A pause of everything moves no job: no turns are taken.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from django.contrib.auth.models import AbstractBaseUser
from django.db import connection, transaction

from ..db.conflicts import retried
from ..db.routines import versioned
from ..models import Owner, Pause, Waiting
from .announce import EVERYONE, announce
from .route import route_owners

T = TypeVar("T")


def pause(reason: str, owner: Owner | None = None, task: str = "", by: AbstractBaseUser | None = None) -> Pause:
    """Pause an owner, a task, or, with neither, everything. Raises IntegrityError if that is paused already.

    Takes time in proportion to the waiting jobs of the owner or task. Submissions wait meanwhile.
    Locks: see db/sql/backlog/park.sql.
    """
    paused = Pause(owner=owner, task=task, reason=reason, by=by)  # type: ignore[misc]  # of whichever class
    begin(paused)
    return paused


def begin(paused: Pause) -> None:
    """Save a new pause and begin it; otherwise like pause()."""

    def work() -> None:
        paused.pk = None
        paused.save(force_insert=True)
        if _of_some(paused):
            _call("queueapp_park(%s, %s)", paused.owner_id, paused.task)

    _transaction(work)
    announce([EVERYONE])


def resume(paused: Pause) -> None:
    """End a pause. Its jobs go on in their places, unless another pause keeps them.

    Takes time in proportion to the parked jobs. Submissions wait meanwhile.
    Locks: see db/sql/backlog/unpark.sql.
    """
    key = paused.pk

    def work() -> None:
        Pause.objects.filter(pk=key).delete()
        if _of_some(paused):
            _call("queueapp_unpark()")

    _transaction(work)
    announce([EVERYONE], work=True)


def unpark_forgotten() -> None:
    """Let parked jobs go on if no owner or task is paused.

    There are none, unless a pause ended without resume(), or a broker of the version before met jobs of a caller's
    transaction whose owner had no flow.
    """
    of_some, parked = Pause.objects.exclude(owner=None, task=""), Waiting.objects.filter(flow=None, not_before=None)
    if not of_some.exists() and parked.exists():
        unrouted = Owner.objects.filter(flow=None, pk__in=parked.values("owner"))
        route_owners(list(unrouted.values_list("pk", flat=True)))
        _transaction(lambda: _call("queueapp_unpark()"))
        announce([EVERYONE], work=True)


def _of_some(paused: Pause) -> bool:
    return paused.owner_id is not None or bool(paused.task)


def _call(function: str, *arguments: int | str | None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(versioned(f"SELECT {function}"), arguments)


def _transaction(work: Callable[[], T]) -> T:
    """Return the result of `work`, run in a transaction. Repeat it after a deadlock, unless the caller began one."""
    if connection.in_atomic_block:
        return work()
    return retried(transaction.atomic(work))
