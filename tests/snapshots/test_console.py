"""The console's waits over a span are those of the attempts that were counted."""

from __future__ import annotations

import math
import random
from collections import Counter
from datetime import timedelta

import pytest

from queueapp.models import TaskTotal, database_now
from queueapp.policy.shares import quantile
from queueapp.snapshots.console.ended import Waits, by_task, ended
from queueapp.snapshots.slices import slices

pytestmark = pytest.mark.django_db
LAID = {"succeeded": 1, "failed": 0, "cancelled": 0, "retried": 0, "spent": 1.0}


def waits_of(counts: Counter[float]) -> Waits:
    return Waits(counts.total(), quantile(counts, 0.5), quantile(counts, 0.95))


def test_waits_are_quantiles_of_each_slice_of_each_task_and_of_all() -> None:
    now, chooser = database_now(), random.Random(7)
    span = slices(now - timedelta(hours=1), now, now)
    of_slices: list[Counter[float]] = [Counter() for _ in range(span.many)]
    of_tasks: dict[str, Counter[float]] = {"one": Counter(), "other": Counter()}
    for place in range(0, span.many, 3):
        for task, counts in of_tasks.items():
            steps = sorted(chooser.sample(range(-345, 400), 40))
            starts = [chooser.randint(1, 1_000) for _ in steps]
            begin = span.begin + timedelta(seconds=place * span.width)
            TaskTotal.objects.create(width=span.width, begin=begin, task=task, steps=steps, starts=starts, **LAID)
            counted = Counter({math.exp(step / 50): many for step, many in zip(steps, starts, strict=True)})
            counts.update(counted)
            of_slices[place].update(counted)
    found = ended(span)
    assert found.slice_waits == [waits_of(counts) for counts in of_slices]
    assert found.waits == waits_of(sum(of_slices, Counter()))
    assert {row.name: row.waits for row in by_task(span)} == {
        task: waits_of(counts) for task, counts in of_tasks.items()
    }
