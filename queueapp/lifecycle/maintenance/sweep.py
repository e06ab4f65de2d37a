"""The sweep: finds now and then what every other step may have missed."""

from __future__ import annotations

import logging
import time
from functools import partial
from typing import Any

from django.db import connection
from django.db.models import OuterRef, Subquery

from ...conf import queue_settings
from ...db.conflicts import retried
from ...models import FlowState, PendingMove, RuleChange, Waiting
from ..announce import announce
from ..leases import LeaseJudge
from ..pause import unpark_forgotten
from ..rescue import rescue_overdue
from ..route import SWEEP_BATCHES, move_some, reroute

logger = logging.getLogger(__name__)

# One statement, and so of one moment: turns begin and end together with their count.
_MISCOUNTED = """
    SELECT t.flow_id FROM queueapp_flowstate t
      LEFT JOIN (SELECT flow_id, count(*) AS at_work FROM queueapp_processor
                  WHERE cardinality(jobs) > 0 GROUP BY flow_id) AS p USING (flow_id)
     WHERE t.busy <> coalesce(p.at_work, 0)
"""


class Sweeping:
    """One per broker.

    Several may sweep at once, on many hosts: each step looks again once it has its locks, so it is done once. No lock
    is held from one step to the next: a host that is cut off stops nobody's sweep.
    """

    def __init__(self) -> None:
        self._leases = LeaseJudge()

    def sweep(self) -> None:
        """Rescue lost turns, wake forgotten flows and jobs, mend counts, and follow the rules as they are by now."""
        if self._leases.may_judge():
            rescue_overdue()
        wake_forgotten()
        recount(_MISCOUNTED)
        unpark_forgotten()
        reroute(SWEEP_BATCHES)


def repair() -> None:
    """Mend at once whatever sweeps and brokers mend in time, and look at every flow and owner. For staff.

    Leases are judged by the second sweep only: see leases.py. Locks: as the steps, one after the other.
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
    """Wake resting flows that have a backlog; how many. There should be none: this is the net below submit.sql.

    Flows that are held although nothing is left over are let go as well. Locks: each such flow's state, in a
    transaction of its own.
    """
    # One look into the index per resting flow, however many jobs wait in the others.
    first = Waiting.objects.filter(flow=OuterRef("pk")).order_by("job").values("job")[:1]
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
    """Make the counts of the flows that a query gives true; how many were off. Each in a transaction of its own.

    There should be none. One whose count of processors at work is too high may be kept from its turns for good.
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
    """One statement, and so a transaction that ends even where the client is cut off."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}", arguments)
        return cursor.fetchone()[0]
