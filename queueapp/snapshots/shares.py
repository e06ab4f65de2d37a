"""Shares over a span of time: what each flow was owed and got, how long its jobs waited, and how even that was.

policy/shares.py defines what is owed. shares.sql collects what this needs, in slices of the span: totals of what ended,
and what is not in the totals. Weights and caps are the present ones.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
from django.db import OperationalError, connection, transaction
from psycopg.errors import QueryCanceled

from ..db.routines import versioned
from ..errors import SpanTooLarge
from ..models import Flow, at_one_moment
from ..policy.shares import Work, evenness, owed, quantile
from .slices import Slices, slices

MAX_FLOWS = 50
"""Flows that are shown one by one: those that were owed or got the most."""
TOLD_APART = 1_000
"""Flows whose owed and got are told apart: those that got the most. The others count as if all had got evenly."""
QUERY_TIMEOUT_SECONDS = 30
"""Seconds after which the database cancels a statement of shares()."""

_SHARES = versioned(Path(__file__).with_name("shares.sql").read_text())

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
# Waits of all flows are those of all tasks, which are far fewer.
_WAITS = """
    SELECT NULL::bigint, step, sum(many)::int
      FROM queueapp_tasktotal CROSS JOIN LATERAL unnest(steps, starts) AS s(step, many)
     WHERE width = %(width)s AND begin >= %(begin)s AND begin < %(until)s GROUP BY step
     UNION ALL
    SELECT flow_id, step, sum(many)::int
      FROM queueapp_flowtotal CROSS JOIN LATERAL unnest(steps, starts) AS s(step, many)
     WHERE width = %(width)s AND begin >= %(begin)s AND begin < %(until)s AND flow_id = ANY (%(flows)s)
     GROUP BY flow_id, step
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

    @cached_property
    def owed_seconds(self) -> float:
        """The processor seconds owed over the whole span."""
        return sum(self.owed)

    @cached_property
    def got_seconds(self) -> float:
        """The processor seconds got over the whole span."""
        return sum(self.got)


@dataclass(frozen=True)
class Shares:
    """All flows that had work in the span. `others`: those for which `flows` has no room, as one."""

    slices: Slices
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
    """Return the shares between these moments, in whole slices: see slices.py.

    A fixed number of queries, however many flows and jobs. Raises SpanTooLarge after QUERY_TIMEOUT_SECONDS in one.
    """
    try:
        with at_one_moment() as now, transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                "SELECT set_config('statement_timeout', %s, true), set_config('work_mem', '64MB', true),"
                " set_config('jit', 'off', true)",
                [f"{QUERY_TIMEOUT_SECONDS}s"],
            )
            return _shares(slices(begin, until, now))
    except OperationalError as error:
        if isinstance(error.__cause__, QueryCanceled):
            raise SpanTooLarge from error
        raise


class _Found(NamedTuple):
    """The data of one flow, by its id; None: of all flows that are not told apart. `waits`: those not in totals."""

    flow: int | None
    together: int
    owed: Sequence[float]
    got: Sequence[float]
    waits: Counter[int]

    def order(self) -> tuple[bool, float, int]:
        """Return a sort key: the most owed or got first, so that a flow that was owed much and got nothing is shown."""
        return self.flow is None, -max(sum(self.owed), sum(self.got)), self.flow or 0


def _shares(span: Slices) -> Shares:
    found = _found(span)
    # A row of others for a single flow would save nothing.
    room = MAX_FLOWS if len(found) > MAX_FLOWS + 1 else MAX_FLOWS + 1
    shown = {one.flow: one for one in found[:room] if one.flow is not None}
    rest = found[len(shown) :]
    flows = Flow.objects.select_related("owner__user", "rule", "state").in_bulk(shown)
    waits = _waits_in_totals(span, list(shown))
    everyone = waits.pop(None, Counter()) + sum((one.waits for one in found), Counter())
    of_shown = {flow: one.waits + waits.get(flow, Counter()) for flow, one in shown.items()}
    of_rest = everyone - sum(of_shown.values(), Counter())
    return Shares(
        slices=span,
        flows=[_share([one], of_shown[flow], flows.get(flow)) for flow, one in shown.items()],
        others=_share(rest, of_rest) if rest else None,
        evenness=evenness((sum(one.got), sum(one.owed), one.together) for one in found),
        waits=_waits(everyone),
    )


def _found(span: Slices) -> list[_Found]:
    """Return all flows that had work, those that were owed or got the most first."""
    sizes = {"width": span.width, "most": TOLD_APART}
    moments = {"begin": span.begin, "until": span.until, "last": last_job(span.until)}
    rows = _rows(_SHARES, sizes | moments)
    works = [_work(span, *row[2:12]) for row in rows]
    return sorted(
        (
            _Found(flow, together, due, work.got, Counter(dict(zip(steps, starts, strict=True))))
            for (flow, together, *_, steps, starts), due, work in zip(rows, owed(works), works, strict=True)
        ),
        key=_Found.order,
    )


def last_job(until: datetime) -> int:
    """Return the id of the last job that was submitted by then, or up to a minute later. 0: there is none."""
    return int(_rows(_LAST, [until + timedelta(minutes=1)])[0][0])


def _rows(statement: str, arguments: Mapping[str, Any] | Sequence[Any]) -> list[tuple[Any, ...]]:
    """Return the rows of a statement, sent in binary: long arrays of numbers are read several times faster."""
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        return cursor.execute(statement, arguments, binary=True).fetchall()


def _work(
    span: Slices,
    weight: float,
    cap: int | None,
    before: float,
    after: float,
    places: Sequence[int],
    *sums: list[float],
) -> Work:
    """Return a flow's work with a number for each slice, from a row of shares.sql."""
    got, active, asked, change, area = (_spread(places, values, span.many) for values in sums)
    asked[0] += before
    # The pieces present follow backwards, as none is left in the end.
    later = [*accumulate(reversed(change), initial=after)][:0:-1]
    present = [max(within - span.width * rest, 0.0) for within, rest in zip(area, later, strict=True)]
    return Work(weight, cap, got, active, present, asked)


def _spread(places: Sequence[int], values: Sequence[float], many: int) -> list[float]:
    row = [0.0] * many
    for place, value in zip(places, values, strict=True):
        row[place] += value
    return row


def _waits_in_totals(span: Slices, flows: Sequence[int]) -> dict[int | None, Counter[int]]:
    """Return, by flow and for all together (None), how many that are in the totals had waited for each step."""
    counts: dict[int | None, Counter[int]] = {}
    span_of = {"width": span.width, "begin": span.begin, "until": span.until}
    for flow, step, many in _rows(_WAITS, span_of | {"flows": flows}):
        counts.setdefault(flow, Counter())[step] = many
    return counts


def _share(found: Sequence[_Found], waits: Counter[int], flow: Flow | None = None) -> FlowShare:
    return FlowShare(
        flow,
        sum(one.together for one in found),
        owed=_sums(one.owed for one in found),
        got=_sums(one.got for one in found),
        waits=_waits(waits),
    )


def _sums(rows: Iterable[Sequence[float]]) -> list[float]:
    return [sum(column) for column in zip(*rows, strict=True)]


def _waits(steps: Counter[int]) -> Waits:
    counts = Counter({math.exp(step / 50): many for step, many in steps.items()})
    return Waits(counts.total(), quantile(counts, 0.5), quantile(counts, 0.95))
