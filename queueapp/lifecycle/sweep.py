"""sweep: what has to be looked at now and then, whatever else was missed."""

from __future__ import annotations

from datetime import datetime

from django.db import connection, transaction
from django.db.models import OuterRef, Subquery
from django.utils import timezone

from ..models import Leftover, PriorityRule, Tally, Waiting
from .announce import announce
from .pause import unpark_forgotten
from .rescue import rescue_overdue
from .route import reroute

SWEEP_LOCK = (7203, 0)


def sweep(since: datetime) -> None:
    """Rescue lost turns, wake forgotten flows and jobs, and follow rules that began or ended after `since`.

    One process at a time; where another is at it, this returns at once.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", SWEEP_LOCK)
        if not cursor.fetchone()[0]:
            return
        try:
            rescue_overdue()
            wake_forgotten()
            unpark_forgotten()
            if PriorityRule.objects.turning(since, timezone.now()).exists():
                reroute()
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s, %s)", SWEEP_LOCK)


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
        _release(user)
    for flow in forgotten.values_list("pk", flat=True):
        woken += _wake(flow)
    if woken:
        announce(work=True)
    return woken


def _release(user: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT queueapp_release_flow(%s)", [user])


@transaction.atomic
def _wake(flow: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT queueapp_join_order()")
        cursor.execute(
            "UPDATE queueapp_tally SET version = version + 1, backlogged = true,"
            " vtime = greatest(vtime, queueapp_virtual_time()),"
            " head = (SELECT min(job_id) FROM queueapp_waiting WHERE flow_id = %s)"
            " WHERE flow_id = %s AND NOT backlogged"
            " AND EXISTS (SELECT FROM queueapp_waiting WHERE flow_id = %s)",
            [flow, flow, flow],
        )
        woken: int = cursor.rowcount
        return woken
