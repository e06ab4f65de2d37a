"""The sweep: repairs every few seconds what other steps may have missed."""

from __future__ import annotations

import logging
import time
from functools import partial
from typing import Any

from django.db import connection
from django.db.models import OuterRef, Subquery

from ...conf import queue_settings
from ...db.conflicts import retried
from ...db.routines import versioned
from ...models import FlowState, PendingMove, RuleChange, Waiting
from ...models.job import PLACE
from ..announce import announce
from ..leases import LeaseJudge
from ..pause import unpark_forgotten
from ..rescue import rescue_overdue
from ..route import SWEEP_BATCHES, move_some, reroute

logger = logging.getLogger(__name__)

# One statement, so one snapshot: a turn begins and ends in the same commit as its count.
_MISCOUNTED = """
    SELECT t.flow_id FROM queueapp_flowstate t
      LEFT JOIN (SELECT flow_id, count(*) AS at_work FROM queueapp_processor
                  WHERE cardinality(jobs) > 0 GROUP BY flow_id) AS p USING (flow_id)
     WHERE t.busy <> coalesce(p.at_work, 0)
"""


class Sweeping:
    """Runs the sweeps of one broker.

    Several hosts may sweep at once: each step looks again once it has its locks, so each repair is made once. No lock
    is held from one step to the next, so a host that is cut off does not stop other sweeps.
    """

    def __init__(self) -> None:
        self._leases = LeaseJudge()

    def sweep(self) -> None:
        """Rescue lost turns, wake forgotten flows and jobs, correct counts, and follow the present rules."""
        if self._leases.may_judge():
            rescue_overdue()
        wake_forgotten()
        recount(_MISCOUNTED)
        unpark_forgotten()
        reroute(SWEEP_BATCHES)


def repair() -> None:
    """Repair at once everything that sweeps and brokers repair in time, and check every flow and owner. For staff.

    Only the second sweep judges leases: see leases.py. Locks: as the steps, one after the other.
    """
    sweeping = Sweeping()
    sweeping.sweep()
    time.sleep(2 * queue_settings().HEARTBEAT_SECONDS)
    sweeping.sweep()
    recount("SELECT flow_id FROM queueapp_flowstate")
    for statement in ("queueapp_unpark()", "queueapp_move_astray()", "queueapp_move_order_start(true)"):
        retried(partial(_call, statement))
    RuleChange.objects.create()
    reroute()
    while move_some() is not None:
        pass


def wake_forgotten() -> int:
    """Wake resting flows that have a backlog. Return how many. There should be none: submit.sql wakes them.

    Also releases held flows that have no pending move. Locks: each such flow's state, in a transaction of its own.
    """
    # One index lookup per resting flow, however many jobs wait in the others.
    first = Waiting.objects.filter(flow=OuterRef("pk")).order_by(PLACE).values("job")[:1]
    forgotten = FlowState.objects.filter(backlogged=False).annotate(first=Subquery(first)).filter(first__isnull=False)
    woken = 0
    let_go = FlowState.objects.filter(held=True).exclude(flow__owner__in=PendingMove.objects.values("owner"))
    for owner in let_go.values_list("flow__owner", flat=True):
        retried(partial(_call, "queueapp_release_flow(%s)", owner))
    for flow in forgotten.values_list("pk", flat=True):
        woken += _recounted(flow)
    if woken:
        announce(work=True)
    return woken


def recount(flows: str) -> int:
    """Correct the counts of the flows that a query returns, each in its own transaction. Return how many were wrong.

    There should be none. A flow whose count of busy processors is too high may never get a turn again.
    Locks: see db/sql/flow/recount_flow.sql.
    """
    with connection.cursor() as cursor:
        cursor.execute(flows)
        off = [flow for (flow,) in cursor.fetchall() if _recounted(flow)]
    if off:
        logger.warning("The counts of the flows %s were off, and are right now.", ", ".join(map(str, off)))
        announce(work=True)
    return len(off)


def _recounted(flow: int) -> bool:
    return bool(retried(partial(_call, "queueapp_recount_flow(%s)", flow)))


def _call(function: str, *arguments: int) -> Any:
    """Call a function in one statement, so that the transaction ends even if the client is cut off."""
    with connection.cursor() as cursor:
        cursor.execute(versioned(f"SELECT {function}"), arguments)
        return cursor.fetchone()[0]
