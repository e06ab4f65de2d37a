"""sweep: what has to be looked at now and then, whatever else was missed."""

from __future__ import annotations

from functools import partial

from django.db import connection
from django.db.models import OuterRef, Subquery

from ..models import Leftover, Tally, Waiting
from .announce import announce
from .leases import LeaseJudge
from .pause import unpark_forgotten
from .rescue import rescue_overdue
from .retry import retried
from .route import BATCHES_AT_ONCE, reroute


class Sweeping:
    """One per broker.

    Several may sweep at once, on many hosts: each step looks again once it has its locks, so it is done once. No lock
    is held from one step to the next: a host that is cut off stops nobody's sweep.
    """

    def __init__(self) -> None:
        self._leases = LeaseJudge()

    def sweep(self) -> None:
        """Rescue lost turns, wake forgotten flows and jobs, and follow rules that changed, began or ended."""
        if self._leases.may_judge():
            rescue_overdue()
        wake_forgotten()
        unpark_forgotten()
        reroute(BATCHES_AT_ONCE)


def wake_forgotten() -> int:
    """Wake resting flows that have a backlog; how many. There should be none: this is the net below submit.sql.

    Flows that are held although nothing is left over are let go as well. Locks: each such flow's tally, in a
    transaction of its own.
    """
    # One look into the index per resting flow, however many jobs wait in the others.
    first = Waiting.objects.filter(flow=OuterRef("pk")).order_by("job").values("job")[:1]
    forgotten = Tally.objects.filter(backlogged=False).annotate(first=Subquery(first)).filter(first__isnull=False)
    woken = 0
    let_go = Tally.objects.filter(held=True).exclude(flow__user__in=Leftover.objects.values("user"))
    for user in let_go.values_list("flow__user", flat=True):
        retried(partial(_release, user))
    for flow in forgotten.values_list("pk", flat=True):
        woken += retried(partial(_wake, flow))
    if woken:
        announce(work=True)
    return woken


def _release(user: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT queueapp_release_flow(%s)", [user])


def _wake(flow: int) -> bool:
    """One statement, and so a transaction that ends even where the client is cut off."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT queueapp_wake_flow(%s)", [flow])
        return bool(cursor.fetchone()[0])
