"""The queue at this moment: what waits, in which flows, since when, and what each processor does."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Case, F, Value, When

from ...db.clock import DatabaseClock
from ...db.routines import versioned
from ...i18n import gettext_noop
from ...models import Flow, Processor

MAX_COUNTED = 100_000
"""Waiting jobs that are counted. Of a deeper backlog the planner's estimate is shown."""
MAX_OF_FLOW = 1_000
"""The same for the jobs of one flow; of a deeper one it is known that it has more."""
MAX_FLOWS = 25
"""Flows in which jobs wait that are shown: those whose first job has waited longest."""
MAX_PROCESSORS = 200
"""Processors that are shown."""

_BACKLOG = versioned("""
    SELECT count(*), count(*) FILTER (WHERE flow_id IS NULL),
           (SELECT greatest(c.reltuples, 0)::bigint FROM pg_class c WHERE c.oid = 'queueapp_waiting'::regclass),
           (SELECT extract(epoch FROM clock_timestamp() - greatest(j.submitted_at, j.run_at))::float8
              FROM (SELECT min(head) AS head FROM queueapp_flowstate WHERE backlogged) AS t,
                   queueapp_job_by_id(t.head) AS j)
      FROM (SELECT flow_id FROM queueapp_waiting LIMIT %(most)s + 1) AS read
""")
# The flow's state has its first waiting job, so the oldest of all is found without a look at the backlog.
_FLOWS = versioned("""
    SELECT t.flow_id, t.busy, t.weight, t.cap, t.held,
           (SELECT count(*) FROM (
                SELECT FROM queueapp_waiting w WHERE w.flow_id = t.flow_id
                   AND queueapp_place_of(w.moved_to, w.job_id) >= t.scan_from
                 LIMIT %(most)s + 1) AS w),
           extract(epoch FROM clock_timestamp() - greatest(j.submitted_at, j.run_at))::float8
      FROM (SELECT * FROM queueapp_flowstate WHERE backlogged ORDER BY head LIMIT %(flows)s) AS t
      LEFT JOIN LATERAL queueapp_job_by_id(t.head) AS j ON true
     ORDER BY t.head
""")


@dataclass(frozen=True)
class Backlog:
    """What waits. `not_due`: jobs in no flow: due later, or paused. `exact`: whether `waiting` is counted.

    `oldest`: seconds since the submission of the first job that may start, or since its run_at; None if none may.
    """

    waiting: int
    not_due: int
    oldest: float | None
    exact: bool


def backlog() -> Backlog:
    """Return what waits. One query, which reads at most MAX_COUNTED waiting jobs."""
    with connection.cursor() as cursor:
        cursor.execute(_BACKLOG, {"most": MAX_COUNTED})
        counted, not_due, estimate, oldest = cursor.fetchone()
    exact = counted <= MAX_COUNTED
    return Backlog(counted if exact else max(counted, estimate), not_due, oldest, exact)


@dataclass(frozen=True)
class WaitingFlow:
    """A flow in which jobs wait. `oldest`: seconds since the submission of its first job, or since its run_at. `flow`:
    None: it is gone."""

    flow: Flow | None
    waiting: int
    more: bool
    oldest: float | None
    busy: int
    weight: float
    cap: int | None
    held: bool


def waiting_flows(most: int = MAX_FLOWS) -> list[WaitingFlow]:
    """Return the flows in which jobs wait, the one whose first job is the oldest first. Two queries.

    `most`: how many flows, at most.
    """
    with connection.cursor() as cursor:
        cursor.execute(_FLOWS, {"most": MAX_OF_FLOW, "flows": most})
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    flows = Flow.objects.select_related("owner__user", "owner__pause", "rule").in_bulk([flow for flow, *_ in rows])
    return [
        WaitingFlow(flows.get(flow), min(many, MAX_OF_FLOW), many > MAX_OF_FLOW, oldest, busy, weight, cap, held)
        for flow, busy, weight, cap, held, many, oldest in rows
    ]


@dataclass(frozen=True)
class Worker:
    """A processor and what it does. `state`: silent, draining, working or idle. Times are seconds.

    `expected`: what its job should take; None without one.
    """

    processor: Processor
    state: str
    spent: float
    expected: float | None
    seen: float

    @property
    def late(self) -> float:
        """How many times longer its job has run than expected; 0 without a job."""
        return self.spent / max(self.expected, 1e-3) if self.expected is not None else 0.0


def workers() -> list[Worker]:
    """Return the processors: silent ones first, then those whose jobs have run longest. One query."""
    silent = Case(When(lease_until__lte=DatabaseClock(), then=Value(0)), default=Value(1))
    rows = Processor.objects.dated().expecting().select_related("job__owner__user").defer("job__payload")
    ordered = rows.order_by(silent, F("job_started_at").asc(nulls_last=True), "host", "pid")
    return [_worker(one, one.read_at) for one in ordered[:MAX_PROCESSORS]]


def _worker(one: Processor, now: datetime) -> Worker:
    if one.lease_until <= now:
        state = gettext_noop("silent")
    elif one.draining or one.retiring:
        state = gettext_noop("draining")
    else:
        state = gettext_noop("idle") if one.job_id is None else gettext_noop("working")
    return Worker(one, state, one.time_spent(now), one.expected, max((now - one.seen_at).total_seconds(), 0.0))
