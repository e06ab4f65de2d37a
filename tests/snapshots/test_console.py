"""The console's waits over a span are those of the attempts that were counted, and those of owners of their jobs."""

from __future__ import annotations

import math
import random
from collections import Counter
from datetime import timedelta

import pytest

from queueapp.lifecycle.processors import register
from queueapp.models import Attempt, Job, Outcome, PriorityRule, TaskTotal, database_now
from queueapp.policy.shares import quantile
from queueapp.snapshots.console import owners
from queueapp.snapshots.console.ended import Waits, by_flow, by_task, ended
from queueapp.snapshots.console.owners import by_owner
from queueapp.snapshots.slices import slices
from queueapp.states import Status
from tests.kit.queue import make_owner, run_all, submit_jobs
from tests.kit.totals import count_all

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


class TestByOwner:
    """Owners whose jobs wait in one flow."""

    @pytest.fixture(autouse=True)
    def history(self, no_rules: None) -> None:
        """Ten jobs of Ada, the n-th of which waited n seconds, and two of Bob; all ended within the last hour."""
        PriorityRule.objects.create(name="Team", sharing="together")
        ada, bob = make_owner("ada"), make_owner("bob")
        submit_jobs(ada, *[f"a{n}" for n in range(1, 11)])
        submit_jobs(bob, "b1", "b2")
        run_all(register("c").pk, spent=0.5)
        now = database_now()
        begun = now - timedelta(minutes=10)
        Outcome.objects.update(started_at=begun, finished_at=begun + timedelta(seconds=0.5))
        for number in range(1, 11):
            Job.objects.filter(name=f"a{number}").update(submitted_at=begun - timedelta(seconds=number))
        Job.objects.filter(owner=bob).update(submitted_at=begun - timedelta(seconds=100))

    def test_each_has_its_own_waits_though_they_share_a_flow(self) -> None:
        count_all()
        span = slices(database_now() - timedelta(hours=1), database_now(), database_now())
        ada, bob = by_owner(span.begin).rows
        assert (ada.name, ada.ended, ada.failed, ada.seconds) == ("ada", 10, 0, 5.0)
        assert (ada.waits, bob.waits) == (Waits(10, 5.0, 10.0), Waits(2, 100.0, 100.0))
        assert [flow.ended for flow in by_flow(span)] == [12]

    def test_a_job_that_was_retried_waited_since_its_last_attempt_ended(self) -> None:
        job = Job.objects.get(name="b1")
        began = Outcome.objects.get(job=job).started_at
        assert began is not None
        Attempt.objects.create(
            job=job, number=1, started_at=began - timedelta(seconds=9), finished_at=began - timedelta(seconds=3),
            time_spent=6.0, error="no luck",
        )  # fmt: skip
        Outcome.objects.filter(job=job).update(attempt=2, status=Status.FAILED)
        (bob,) = (row for row in by_owner(database_now() - timedelta(hours=1)).rows if row.name == "bob")
        assert (bob.failed, bob.waits) == (1, Waits(2, 3.0, 100.0))

    def test_a_span_of_which_only_the_newest_were_read_says_since_when(self, monkeypatch: pytest.MonkeyPatch) -> None:
        begin = database_now() - timedelta(hours=1)
        assert by_owner(begin).complete_from is None
        monkeypatch.setattr(owners, "MAX_READ", 3)
        last = max(Outcome.objects.values_list("number", flat=True))
        newest = Outcome.objects.filter(number__gt=last - 3)
        found = by_owner(begin)
        assert sum(row.ended for row in found.rows) == newest.count() == 3
        assert found.complete_from == min(newest.values_list("finished_at", flat=True))
        assert by_owner(database_now()).rows == []
