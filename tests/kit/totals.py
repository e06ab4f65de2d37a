"""Helpers of tests of totals: count all that ended, and shares as they follow from outcomes alone."""

from __future__ import annotations

import math
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import Max

from queueapp.lifecycle.maintenance.totals import count_ended
from queueapp.models import Attempt, Job, Outcome, TotalsCursor
from queueapp.policy.shares import Work, owed
from queueapp.snapshots.slices import Slices

_NUMBERED = ((Outcome, "number"), (Attempt, "pk"))
_FROM_OUTCOMES = Path(__file__).with_name("shares.sql").read_text()


def count_all() -> None:
    """Count all that has ended in the totals. A transaction of another database may have to end first."""
    last = [model._default_manager.aggregate(last=Max(field, default=0))["last"] for model, field in _NUMBERED]
    while True:
        count_ended(at_once=True)
        while count_ended():
            pass
        if TotalsCursor.objects.filter(outcomes__gte=last[0], attempts__gte=last[1]).exists():
            return
        time.sleep(0.02)


def next_number() -> int:
    """Draw the number of an outcome that a test writes."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('queueapp_outcome_number')")
        return int(cursor.fetchone()[0])


class FlowWork(NamedTuple):
    """What one flow was owed and got, for each slice, and how many had waited how long."""

    owed: list[float]
    got: list[float]
    waits: Counter[float]


def from_outcomes(span: Slices) -> dict[int, FlowWork]:
    """Return the work of each flow by one query over all outcomes, attempts, processors and waiting jobs.

    It knows no totals, and reads all pieces of work one by one: so shares() must agree with it.
    """
    length = (span.until - span.begin).total_seconds()
    jobs = Job.objects.filter(submitted_at__lt=span.until + timedelta(minutes=1))
    last = jobs.aggregate(last=Max("pk", default=0))["last"]
    ids = {"first": 0, "last_ended": 2**62, "last": last}
    sizes = {"length": length, "width": span.width, "slices": span.many, "most": 1_000}
    with connection.cursor() as cursor:
        cursor.execute(_FROM_OUTCOMES, {"begin": span.begin, "until": span.until, **ids, **sizes})
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    works = [Work(*work) for _, _, _, _, *work in rows]
    return {
        flow: FlowWork(due, list(work.got), Counter({math.exp(s / 50): n for s, n in zip(steps, starts, strict=True)}))
        for (flow, _, steps, starts, *_), due, work in zip(rows, owed(works), works, strict=True)
    }
