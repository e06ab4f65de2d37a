"""Shares from totals are those that follow from all outcomes one by one, whatever happened and however many count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

import pytest
from django.db import connection

from queueapp.lifecycle.maintenance import totals
from queueapp.models import Attempt, Flow, FlowState, Job, Outcome, Owner, Processor, Waiting, database_now
from queueapp.policy.shares import quantile
from queueapp.snapshots.shares import Shares, shares
from tests.kit.queue import make_flow
from tests.kit.totals import count_all, from_outcomes, next_number

DAYS = 3
JOBS = 40
"""Of each day."""


@dataclass
class History:
    """Writes a random history of some flows: bursts, idle hours, retries, cancellations, clocks that were set back."""

    random: Random
    now: datetime
    flows: list[Flow]
    made: int = 0

    def moment(self, earliest: datetime, most: float) -> datetime:
        """Return a moment after another one, by up to so many seconds: mostly soon, sometimes exactly a full minute."""
        later = earliest + timedelta(seconds=self.random.choice([0.01, 1, 60, 3600, most]) * self.random.random())
        later = later.replace(second=0, microsecond=0) if self.random.random() < 0.05 else later
        return min(max(later, earliest), self.now)

    def add(self, submitted: datetime) -> None:
        """Add a job, and how it ended, or where it is now."""
        at = self.random.choice(self.flows)
        assert at.owner_id is not None
        run_at = self.moment(submitted, 7200) if self.random.random() < 0.1 else None
        self.made += 1
        job = Job.objects.create(
            owner_id=at.owner_id, name=f"job-{self.made}", task=self.random.choice(["a", "b"]), submitted_at=submitted,
            run_at=run_at, duration=self.random.random() * 1000,
        )  # fmt: skip
        self.random.choice([self.end, self.end, self.end, self.live])(job, at)

    def end(self, job: Job, at: Flow) -> None:
        status = self.random.choice(["succeeded", "succeeded", "failed", "cancelled", "given up"])
        attempt = self.random.choice([1, 1, 1, 2, 3])
        ended = self.attempts(job, attempt - 1)
        started = self.moment(ended, 40_000)
        finished = self.moment(started, 20_000)
        if self.random.random() < 0.05:
            started, finished = started - timedelta(days=1), finished - timedelta(days=1)
        if status == "failed" and self.random.random() < 0.9:
            self.attempt(job, attempt, started, finished)
        Outcome.objects.create(
            job=job, owner_id=job.owner_id, flow=self.random.choice([at, at, at, at, None]), number=next_number(),
            status="cancelled" if status == "given up" else status, attempt=0 if status == "given up" else attempt,
            started_at=None if status == "given up" else started, finished_at=finished, time_spent=1,
        )  # fmt: skip

    def live(self, job: Job, at: Flow) -> None:
        attempt = self.random.choice([1, 1, 2])
        self.attempts(job, attempt - 1)
        kind = self.random.choice(["running", "waiting", "parked", "later"])
        if kind == "running":
            Processor.objects.create(
                cluster="c", host="h", pid=1, started_at=self.now, seen_at=self.now, flow=at, jobs=[job.pk],
                attempts=[attempt], lease_until=self.now + timedelta(hours=self.random.choice([1, 1, -1])), job=job,
                job_started_at=self.now - timedelta(seconds=self.random.random() * 9000),
            )  # fmt: skip
            return
        Waiting.objects.create(
            owner_id=job.owner_id, job=job, flow=at if kind == "waiting" else None, expected=job.duration,
            not_before=self.now if kind == "later" else None, attempt=attempt,
        )  # fmt: skip

    def attempts(self, job: Job, many: int) -> datetime:
        """Add failed attempts at a job, and return when the last one ended, or when the job was submitted."""
        ended = job.run_at or job.submitted_at
        for number in range(1, many + 1):
            started = self.moment(ended, 7200)
            ended = self.moment(started, 7200)
            self.attempt(job, number, started, ended)
        return ended

    def attempt(self, job: Job, number: int, started: datetime, ended: datetime) -> None:
        Attempt.objects.create(
            job=job, number=number, started_at=started, finished_at=ended, time_spent=1, error="Oh no."
        )

    def spans(self) -> Iterator[tuple[datetime, datetime]]:
        """Spans of an hour to days, that end now or earlier."""
        for hours in (1, 1, 7, 24, 24, 60, 90):
            until = self.now - timedelta(hours=self.random.choice([0, 0, 20 * self.random.random()]))
            yield until - timedelta(hours=hours), until


def agree(found: Shares) -> None:
    """That what each flow was owed and got in each slice, and how long its jobs waited, follows from the outcomes."""
    expected = from_outcomes(found.slices)
    assert {share.flow.pk if share.flow else 0 for share in found.everyone} == set(expected)
    every: Counter[float] = Counter()
    for share in found.everyone:
        work = expected[share.flow.pk if share.flow else 0]
        assert share.got == pytest.approx(work.got, abs=1e-4)
        assert share.owed == pytest.approx(work.owed, abs=1e-4)
        assert (share.waits.jobs, share.waits.median) == (work.waits.total(), quantile(work.waits, 0.5))
        every.update(work.waits)
    assert (found.waits.jobs, found.waits.p95) == (every.total(), quantile(every, 0.95))


@pytest.mark.django_db
@pytest.mark.parametrize("seed", range(4))
def test_shares_follow_from_outcomes_however_many_are_counted(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(totals, "BATCH_JOBS", 7)
    random = Random(seed)
    flows = []
    for n in range(5):
        owner = Owner.objects.create(key=f"owner-{n}")
        flows.append(make_flow(f"flow-{n}", owner, weight=random.choice([1, 1, 3]), cap=random.choice([None, None, 1])))
        Owner.objects.filter(pk=owner.pk).update(flow=flows[-1])
    history = History(random, database_now(), flows)
    oldest = history.now - timedelta(days=DAYS)
    for day in range(DAYS):  # ids are in the order of submission
        for at in sorted(random.choice([0.1, 0.2, 1]) * random.random() for _ in range(JOBS)):
            history.add(oldest + timedelta(days=day + at))
        for begin, until in history.spans():
            agree(shares(begin, until))
        count_all()
        FlowState.objects.filter(flow=random.choice(flows)).update(weight=random.choice([0.5, 2]))
        for begin, until in history.spans():
            agree(shares(begin, until))
    with connection.cursor() as cursor:
        cursor.execute("SELECT min(begin), max(begin) FROM queueapp_flowtotal WHERE width = 60")
        first, last = cursor.fetchone()
    assert last - first > timedelta(days=2)
