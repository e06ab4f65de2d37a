"""What ended and how long it had waited, over a span, from the totals per minute and longer (docs/internals/totals.md).

The totals follow what ends by about ten seconds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection
from django.utils.translation import gettext

from ...models import Flow, TotalsCursor
from ..slices import Slices

MAX_ROWS = 25
"""Tasks, and flows, that are told apart."""

_SPAN = "width = %(width)s AND begin >= %(begin)s AND begin < %(until)s"
_SLICES = f"""
    SELECT (extract(epoch FROM begin - %(begin)s) / %(width)s)::int, sum(succeeded), sum(failed), sum(cancelled)
      FROM queueapp_tasktotal WHERE {_SPAN} GROUP BY 1
"""  # noqa: S608 (of constants)
_TASKS = f"""
    SELECT task, sum(succeeded), sum(failed), sum(cancelled), sum(retried), sum(spent)
      FROM queueapp_tasktotal WHERE {_SPAN}
     GROUP BY task ORDER BY sum(succeeded + failed + cancelled) DESC, task LIMIT %(most)s
"""  # noqa: S608 (of constants)
_FLOWS = f"""
    SELECT flow_id, sum(ended), sum(failed), sum(got) FROM queueapp_flowtotal WHERE {_SPAN}
     GROUP BY flow_id ORDER BY sum(ended) DESC, flow_id LIMIT %(most)s
"""  # noqa: S608 (of constants)
# How many attempts started, and the steps of the least waits that half of them, and 95 %, do not exceed: of each group.
_WAITS = """
    SELECT key, sum(many)::int, min(step) FILTER (WHERE seen >= 0.5 * total),
           min(step) FILTER (WHERE seen >= 0.95 * total)
      FROM (SELECT key, step, many, sum(many) OVER (PARTITION BY key ORDER BY step) AS seen,
                   sum(many) OVER (PARTITION BY key) AS total
              FROM (SELECT {key} AS key, step, sum(many)::int AS many
                      FROM {table} CROSS JOIN LATERAL unnest(steps, starts) AS s(step, many)
                     WHERE {where} GROUP BY {groups}) AS counted) AS summed
     GROUP BY key
"""
_SLICE_WAITS = _WAITS.format(
    key="(extract(epoch FROM begin - %(begin)s) / %(width)s)::int", table="queueapp_tasktotal", where=_SPAN,
    groups="GROUPING SETS ((1, step), (step))",
)  # fmt: skip
"""Of each slice, and of all: that key is NULL."""
_TASK_WAITS, _FLOW_WAITS = (
    _WAITS.format(key=key, table=table, where=f"{_SPAN} AND {key} = ANY (%(names)s)", groups=f"{key}, step")
    for key, table in (("task", "queueapp_tasktotal"), ("flow_id", "queueapp_flowtotal"))
)


@dataclass
class Waits:
    """How many attempts started, and the seconds that they had waited, to 1 %; None if none started."""

    started: int = 0
    median: float | None = None
    p95: float | None = None


@dataclass
class Row:
    """What ended of one task or flow in the span. `seconds`: the processor time. `name`: a task, or a flow's name."""

    name: str
    key: str | int
    ended: int
    failed: int
    seconds: float
    cancelled: int = 0
    retried: int = 0
    waits: Waits = field(default_factory=Waits)


@dataclass
class Ended:
    """What ended in a span, in slices and in all. `counted_at`: see the function."""

    slices: Slices
    succeeded: list[int]
    failed: list[int]
    cancelled: list[int]
    slice_waits: list[Waits]
    waits: Waits
    counted_at: datetime | None

    @property
    def total(self) -> int:
        """The jobs that ended."""
        return sum(self.succeeded) + sum(self.failed) + sum(self.cancelled)

    @property
    def per_minute(self) -> float:
        """The jobs that ended, by minute."""
        return self.total * 60 / sum(self.slices.lengths)


def ended(span: Slices) -> Ended:
    """Return what ended in the span. Three queries, which read the totals of tasks in its slices."""
    given = _given(span)
    succeeded, failed, cancelled = ([0] * span.many for _ in range(3))
    for place, *numbers in _rows(_SLICES, given):
        succeeded[place], failed[place], cancelled[place] = map(int, numbers)
    waits = _waits(_SLICE_WAITS, given)
    return Ended(
        span,
        succeeded,
        failed,
        cancelled,
        slice_waits=[waits.get(place, Waits()) for place in range(span.many)],
        waits=waits.get(None, Waits()),
        counted_at=counted_at(),
    )


def counted_at() -> datetime | None:
    """Return the moment up to which the totals are counted, about; None: nothing was counted yet."""
    return TotalsCursor.objects.values_list("counted_at", flat=True).first()


def by_task(span: Slices) -> list[Row]:
    """Return what ended of the tasks of which the most ended. Two queries."""
    given = _given(span)
    rows = [
        Row(task, task, int(succeeded + failed + cancelled), int(failed), spent, int(cancelled), int(retried))
        for task, succeeded, failed, cancelled, retried, spent in _rows(_TASKS, given)
    ]
    return _with_waits(rows, _TASK_WAITS, given)


def by_flow(span: Slices) -> list[Row]:
    """Return what ended of the flows of which the most ended. Three queries."""
    given = _given(span)
    found = _rows(_FLOWS, given)
    flows = Flow.objects.select_related("owner__user", "rule").in_bulk([flow for flow, *_ in found])
    rows = [
        Row(flows[flow].name if flow in flows else gettext("a flow that is gone"), flow, int(many), int(failed), got)
        for flow, many, failed, got in found
    ]
    return _with_waits(rows, _FLOW_WAITS, given)


def _given(span: Slices) -> dict[str, Any]:
    return {"width": span.width, "begin": span.begin, "until": span.until, "most": MAX_ROWS}


def _with_waits(rows: Sequence[Row], statement: str, given: dict[str, Any]) -> list[Row]:
    waits = _waits(statement, given | {"names": [row.key for row in rows]}) if rows else {}
    for row in rows:
        row.waits = waits.get(row.key, row.waits)
    return list(rows)


def _waits(statement: str, given: dict[str, Any]) -> dict[Any, Waits]:
    """Return the waits of each group, to the middle of their steps: see wait_step.sql."""
    return {
        key: Waits(started, math.exp(half / 50), math.exp(most / 50))
        for key, started, half, most in _rows(statement, given)
    }


def _rows(statement: str, given: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, given)
        return list(cursor.fetchall())
