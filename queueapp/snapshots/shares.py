"""Over a span of time: what each flow was owed and what it got, how long its jobs waited, and how even it all was.

The definition of owed is policy/shares.py's; shares.sql collects, in slices of the span, what it needs. Weights and
caps are those of now.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from django.db import OperationalError, connection, transaction
from django.utils import timezone
from psycopg.errors import QueryCanceled

from ..errors import SpanTooLarge
from ..models import Flow
from ..policy.shares import Work, evenness, owed, quantile

SLICES = 60
"""Slices that a span is cut into."""
SHOWN = 50
"""Flows that are shown one by one: those with the most to do."""
TOLD_APART = 1_000
"""Flows whose owed and got are told apart, those that got most; the others count as if all had got evenly."""
PATIENCE = 30
"""Seconds after which the database gives up on a span."""

_FOUND, _SHARES, _WAITS = (Path(__file__).with_name(f"{name}.sql").read_text() for name in ("found", "shares", "waits"))

# The last job submitted before a moment, found by halving: ids are in the order of submission, to a second or so.
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
    """How many jobs started, and how many seconds they had waited, to one per cent. None: none started."""

    jobs: int
    median: float | None
    p95: float | None


@dataclass(frozen=True)
class FlowShare:
    """One flow over the span, or many `together`. `owed` and `got`: processor seconds, in each slice."""

    flow: Flow | None
    together: int
    owed: Sequence[float]
    got: Sequence[float]
    waits: Waits

    @property
    def owed_seconds(self) -> float:
        """Over the whole span."""
        return sum(self.owed)

    @property
    def got_seconds(self) -> float:
        """Over the whole span."""
        return sum(self.got)


@dataclass(frozen=True)
class Shares:
    """All flows that had work in the span; `others` are those that `flows` has no room for."""

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
        """What all got together."""
        return sum(share.got_seconds for share in self.everyone)


def shares(begin: datetime, until: datetime) -> Shares:
    """The shares between these moments, of which the second counts as now where it is still to come.

    A fixed number of queries, however many flows and jobs. Raises SpanTooLarge where they take too long.
    """
    now = timezone.now()
    until = min(until, now)
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                "SELECT set_config('statement_timeout', %s, true), set_config('work_mem', '64MB', true),"
                " set_config('jit', 'off', true)",
                [f"{PATIENCE}s"],
            )
            # Without an upper bound, a span of long ago would look at all jobs since.
            last = 2**62 if until == now else _last(cursor, until + timedelta(minutes=1))
            return _shares(cursor, begin, until, last)
    except OperationalError as error:
        if isinstance(error.__cause__, QueryCanceled):
            raise SpanTooLarge from error
        raise


def _last(cursor: Any, moment: datetime) -> int:
    cursor.execute(_LAST, [moment])
    found: int = cursor.fetchone()[0]
    return found


class _Found(NamedTuple):
    """What the database and the policy have of one flow, by its id; None: of all those that are not told apart."""

    flow: int | None
    together: int
    owed: Sequence[float]
    got: Sequence[float]

    def order(self) -> tuple[bool, float, int]:
        """Those with the most to do first: who got nothing of much that was owed must not go under."""
        return self.flow is None, -max(sum(self.owed), sum(self.got)), self.flow or 0


def _shares(cursor: Any, begin: datetime, until: datetime, last: int) -> Shares:
    span = {"begin": begin, "until": until, "last": last}
    found = _found(cursor, span)
    # To take one flow for "the others" would save nothing.
    room = SHOWN if len(found) > SHOWN + 1 else SHOWN + 1
    shown = {one.flow: one for one in found[:room] if one.flow is not None}
    cursor.execute(_FOUND + _WAITS, span | {"told": list(shown)})
    waits = _waits(cursor.fetchall())
    flows = Flow.objects.select_related("user", "rule").in_bulk(shown)
    rest = found[len(shown) :]
    return Shares(
        begin=begin,
        until=until,
        flows=[
            FlowShare(flows.get(flow), one.together, one.owed, one.got, _told(waits[flow]))
            for flow, one in shown.items()
        ],
        others=_together(rest, _told(waits[None])) if rest else None,
        evenness=evenness((sum(one.got), sum(one.owed), one.together) for one in found),
        waits=_told(sum(waits.values(), Counter())),
    )


def _found(cursor: Any, span: dict[str, Any]) -> list[_Found]:
    """All flows that had work, those with the most to do first."""
    length = (span["until"] - span["begin"]) / timedelta(seconds=1)
    sizes = {"length": length, "width": length / SLICES, "slices": SLICES, "most": TOLD_APART}
    cursor.execute(_FOUND + _SHARES, span | sizes)
    rows = cursor.fetchall()
    works = [Work(weight, cap, *numbers) for _, _, weight, cap, *numbers in rows]
    found = [
        _Found(flow, together, due, work.got)
        for (flow, together, *_), due, work in zip(rows, owed(works), works, strict=True)
    ]
    return sorted(found, key=_Found.order)


def _together(rest: Sequence[_Found], waits: Waits) -> FlowShare:
    many = sum(one.together for one in rest)
    return FlowShare(None, many, _sums(one.owed for one in rest), _sums(one.got for one in rest), waits)


def _sums(rows: Iterable[Sequence[float]]) -> list[float]:
    return [sum(column) for column in zip(*rows, strict=True)]


def _waits(rows: Iterable[tuple[int | None, int, int]]) -> dict[int | None, Counter[float]]:
    found: dict[int | None, Counter[float]] = defaultdict(Counter)
    for flow, step, many in rows:
        found[flow][math.exp(step / 50)] += many
    return found


def _told(counts: Counter[float]) -> Waits:
    return Waits(counts.total(), quantile(counts, 0.5), quantile(counts, 0.95))
