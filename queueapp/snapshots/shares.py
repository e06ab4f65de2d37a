"""Shares over a span of time: what each flow was owed and got, how long its jobs waited, and how even that was.

policy/shares.py defines what is owed. shares.sql collects what this needs, in slices of the span. Weights and caps are
the present ones.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from django.db import OperationalError, connection, transaction
from psycopg.errors import QueryCanceled

from ..errors import SpanTooLarge
from ..models import Flow, database_now
from ..policy.shares import Work, evenness, owed, quantile

SLICES = 60
"""Slices of a span."""
MAX_FLOWS = 50
"""Flows that are shown one by one: those that were owed or got the most."""
TOLD_APART = 1_000
"""Flows whose owed and got are told apart: those that got the most. The others count as if all had got evenly."""
QUERY_TIMEOUT_SECONDS = 30
"""Seconds after which the database cancels a statement of shares()."""

_SHARES = Path(__file__).with_name("shares.sql").read_text()

# The first and last of the jobs that ended since a moment. min(job_id) would walk the primary key up to the first.
_ENDED = "SELECT min(job_id + 0), max(job_id + 0) FROM queueapp_outcome WHERE finished_at > %s"
# The last job submitted before a moment, by binary search: ids are in the order of submission, to a second or so.
_LAST = """
    WITH RECURSIVE halving(low, high) AS (
        SELECT 0::bigint, coalesce(max(id), 0) FROM queueapp_job
         UNION ALL
        SELECT CASE WHEN before THEN found ELSE low END, CASE WHEN before THEN high ELSE middle - 1 END
          FROM halving CROSS JOIN LATERAL (SELECT (low + high + 1) / 2 AS middle) AS half
         CROSS JOIN LATERAL (
               SELECT id AS found, submitted_at < %s AS before FROM queueapp_job WHERE id >= middle ORDER BY id LIMIT 1
               ) AS job
         WHERE low < high
    )
    SELECT max(low) FROM halving
"""


@dataclass(frozen=True)
class Waits:
    """The number of jobs that started, and the seconds that they had waited, to 1 %; None if none started."""

    jobs: int
    median: float | None
    p95: float | None


@dataclass(frozen=True)
class FlowShare:
    """One flow over the span, or several `together`. `owed` and `got`: processor seconds in each slice."""

    flow: Flow | None
    together: int
    owed: Sequence[float]
    got: Sequence[float]
    waits: Waits

    @property
    def owed_seconds(self) -> float:
        """The processor seconds owed over the whole span."""
        return sum(self.owed)

    @property
    def got_seconds(self) -> float:
        """The processor seconds got over the whole span."""
        return sum(self.got)


@dataclass(frozen=True)
class Shares:
    """All flows that had work in the span. `others`: those for which `flows` has no room, as one."""

    begin: datetime
    until: datetime
    flows: list[FlowShare]
    others: FlowShare | None
    evenness: float | None
    waits: Waits

    @property
    def everyone(self) -> list[FlowShare]:
        """The flows, and the others last."""
        return [*self.flows, self.others] if self.others else self.flows

    @property
    def got_seconds(self) -> float:
        """The processor seconds that all flows got."""
        return sum(share.got_seconds for share in self.everyone)


def shares(begin: datetime, until: datetime) -> Shares:
    """Return the shares between these moments. If the second is in the future, it counts as now.

    A fixed number of queries, however many flows and jobs. Raises SpanTooLarge after
    QUERY_TIMEOUT_SECONDS in one.
    """
    until = min(until, database_now())
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                "SELECT set_config('statement_timeout', %s, true), set_config('work_mem', '64MB', true),"
                " set_config('jit', 'off', true)",
                [f"{QUERY_TIMEOUT_SECONDS}s"],
            )
            return _shares(cursor, {"begin": begin, "until": until, **_jobs(cursor, begin, until)})
    except OperationalError as error:
        if isinstance(error.__cause__, QueryCanceled):
            raise SpanTooLarge from error
        raise


def _jobs(cursor: Any, begin: datetime, until: datetime) -> dict[str, int]:
    """Return bounds of the ids of the span's jobs. They keep the planner from reading all jobs."""
    cursor.execute(_ENDED, [begin])
    first, last_ended = cursor.fetchone()
    cursor.execute(_LAST, [until + timedelta(minutes=1)])
    last = cursor.fetchone()[0]
    return {"first": first or 0, "last_ended": min(last_ended or 0, last), "last": last}


class _Found(NamedTuple):
    """The data of one flow, by its id; None: of all flows that are not told apart."""

    flow: int | None
    together: int
    owed: Sequence[float]
    got: Sequence[float]
    waits: Counter[float]

    def order(self) -> tuple[bool, float, int]:
        """Return a sort key: the most owed or got first, so that a flow that was owed much and got nothing is shown."""
        return self.flow is None, -max(sum(self.owed), sum(self.got)), self.flow or 0


def _shares(cursor: Any, span: dict[str, Any]) -> Shares:
    found = _found(cursor, span)
    # A row of others for a single flow would save nothing.
    room = MAX_FLOWS if len(found) > MAX_FLOWS + 1 else MAX_FLOWS + 1
    shown = {one.flow: one for one in found[:room] if one.flow is not None}
    flows = Flow.objects.select_related("owner__user", "rule", "state").in_bulk(shown)
    return Shares(
        begin=span["begin"],
        until=span["until"],
        flows=[_share([one], flows.get(flow)) for flow, one in shown.items()],
        others=_share(rest) if (rest := found[len(shown) :]) else None,
        evenness=evenness((sum(one.got), sum(one.owed), one.together) for one in found),
        waits=_waits(found),
    )


def _found(cursor: Any, span: dict[str, Any]) -> list[_Found]:
    """Return all flows that had work, those that were owed or got the most first."""
    length = (span["until"] - span["begin"]) / timedelta(seconds=1)
    sizes = {"length": length, "width": length / SLICES, "slices": SLICES, "most": TOLD_APART}
    cursor.execute(_SHARES, span | sizes)
    rows = cursor.fetchall()
    works = [Work(*work) for _, _, _, _, *work in rows]
    found = []
    for (flow, together, steps, started, *_), due, work in zip(rows, owed(works), works, strict=True):
        waits = Counter({math.exp(step / 50): many for step, many in zip(steps, started, strict=True)})
        found.append(_Found(flow, together, due, work.got, waits))
    return sorted(found, key=_Found.order)


def _share(found: Sequence[_Found], flow: Flow | None = None) -> FlowShare:
    return FlowShare(
        flow,
        sum(one.together for one in found),
        owed=_sums(one.owed for one in found),
        got=_sums(one.got for one in found),
        waits=_waits(found),
    )


def _sums(rows: Iterable[Sequence[float]]) -> list[float]:
    return [sum(column) for column in zip(*rows, strict=True)]


def _waits(found: Iterable[_Found]) -> Waits:
    counts: Counter[float] = Counter()
    for one in found:
        counts.update(one.waits)
    return Waits(counts.total(), quantile(counts, 0.5), quantile(counts, 0.95))
