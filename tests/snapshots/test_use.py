"""An owner's use over time is the sum of what ended, however much of it is in the totals."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import cast

import pytest
from django.db import connection, transaction
from django.db.models import F, Sum
from pytest_django import Settings

from queueapp.lifecycle.cancel import cancel
from queueapp.lifecycle.maintenance.schedule import join_due
from queueapp.lifecycle.maintenance.totals import BATCH_JOBS, prune_totals
from queueapp.lifecycle.processors import register
from queueapp.lifecycle.retry import try_again
from queueapp.lifecycle.submit import submit
from queueapp.lifecycle.turn import take_turn
from queueapp.lifecycle.validation import parse
from queueapp.models import Attempt, Job, Outcome, Owner, OwnerTotal, database_now
from queueapp.snapshots import use_of
from queueapp.states import FINISHED, Status
from tests.kit.api import client_of
from tests.kit.queue import (
    everyone_takes_turns,
    make_owner,
    outcome,
    plan_anew,
    rows_read,
    run_all,
    submit_jobs,
    user_of,
)
from tests.kit.totals import count_all

pytestmark = pytest.mark.usefixtures("no_rules")


def run(owner: Owner, name: str, spent: float, *, days_ago: int = 0, status: Status = Status.SUCCEEDED) -> None:
    """That this job was submitted, if it was not yet, and ended so many days ago."""
    submit(owner, [parse({"job_id": name, "duration": 1, "task": "wait"})])
    join_due()
    processor = register("c").pk
    turn = take_turn(processor)
    settled = [replace(outcome(job, spent), status=status) for job in turn.jobs]
    take_turn(processor, turn.number, settled, now=time.monotonic(), more=False)
    earlier = {moment: F(moment) - timedelta(days=days_ago) for moment in ("started_at", "finished_at")}
    Outcome.objects.filter(job__name=name).update(**earlier)
    Attempt.objects.filter(job__name=name).update(**earlier)


def assert_is_the_sum(owner: Owner) -> None:
    """Whether the report has what the owner's outcomes have, one by one."""
    use = use_of(owner)
    ended = Outcome.objects.filter(owner=owner)
    by_day = Counter((one.finished_at.date().isoformat(), str(one.status)) for one in ended)
    told: Counter[tuple[str, str]] = Counter()
    for day in use["days"]:
        told += Counter({(day["day"], str(state)): cast("dict[str, int]", day)[state] for state in FINISHED})
    assert told == by_day
    assert use["total"]["time_spent"] == pytest.approx(ended.aggregate(spent=Sum("time_spent"))["spent"])
    for parts in (use["days"], use["tasks"]):
        assert sum(part["time_spent"] for part in parts) == pytest.approx(use["total"]["time_spent"])
    assert client_of(user_of(owner)).get("/api/v1/use/").json() == use


def test_it_is_the_sum_of_outcomes_however_many_are_counted() -> None:
    everyone_takes_turns()
    ada, bob = make_owner("ada"), make_owner("bob")
    run(ada, "of-three-days-ago", 2, days_ago=3)
    run(bob, "of-somebody-else", 100, days_ago=3)
    run(ada, "failed", 3, days_ago=2, status=Status.FAILED)
    assert_is_the_sum(ada)
    count_all()
    assert_is_the_sum(ada)
    run(ada, "of-now", 4)
    submit_jobs(ada, "cancelled")
    cancel(Job.objects.get(name="cancelled"))
    assert_is_the_sum(ada)
    count_all()
    assert_is_the_sum(ada)
    use = use_of(ada)
    assert [day["time_spent"] for day in use["days"][-4:]] == pytest.approx([2, 3, 0, 4])
    assert len(use["days"]) == 30


def test_a_job_that_is_tried_again_took_its_time_once() -> None:
    everyone_takes_turns()
    ada = make_owner("ada")
    run(ada, "job", 3, days_ago=1, status=Status.FAILED)
    count_all()
    try_again(Job.objects.get())
    run(ada, "job", 4)
    for counted in (False, True):
        if counted:
            count_all()
        yesterday, today = use_of(ada)["days"][-2:]
        assert (yesterday["failed"], today["failed"], today["succeeded"]) == (1, 0, 1)
        assert [yesterday["time_spent"], today["time_spent"]] == pytest.approx([3, 4])


def test_a_failure_is_counted_though_its_attempt_is_in_a_later_batch() -> None:
    everyone_takes_turns()
    ada = make_owner("ada")
    run(ada, "early", 1)
    count_all()
    with connection.cursor() as cursor:
        draw = "SELECT setval('queueapp_attempt_id_seq', last_value + %s) FROM queueapp_attempt_id_seq"
        cursor.execute(draw, [3 * BATCH_JOBS])
    run(ada, "job", 3, status=Status.FAILED)
    count_all()
    assert use_of(ada)["total"]["failed"] == 1
    assert use_of(ada)["total"]["time_spent"] == pytest.approx(4)


def test_totals_of_days_are_kept_as_long_as_they_are_shown(settings: Settings) -> None:
    settings.QUEUEAPP = {"RETENTION_DAYS": 2}
    ada, today = make_owner("ada"), database_now().date()
    for days_ago in (0, 29, 31, 32):
        day = today - timedelta(days=days_ago)
        OwnerTotal.objects.create(day=day, owner=ada, task="wait", succeeded=1, failed=0, cancelled=0, spent=1)
    assert not prune_totals()
    assert OwnerTotal.objects.count() == 3
    assert use_of(ada)["total"]["succeeded"] == 2


@pytest.mark.parametrize("statistics", ["never filled", "emptied", "current"])
def test_it_reads_no_job_that_is_counted_whatever_the_statistics_say(statistics: str) -> None:
    """The tables were empty when statistics were gathered: just made, or full of dead tuples. Or autovacuum gathered
    them just now.
    """
    emptied = statistics == "emptied"
    tables = "queueapp_outcome", "queueapp_job", "queueapp_ownertotal"
    ada, bob = make_owner("ada"), make_owner("bob")
    if emptied:
        submit_jobs(ada, *map(str, range(100)), duration=0.001)
        run_all(register("c").pk)
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"DELETE FROM {table}" if emptied else f"TRUNCATE {table} CASCADE")
        cursor.execute(f"ANALYZE {', '.join(tables)}")
    for owner in (ada, bob):
        submit_jobs(owner, *map(str, range(2_000)), duration=0.001)
    run_all(register("c").pk)
    count_all()
    submit_jobs(ada, "new")
    run_all(register("c").pk)
    if statistics == "current":
        with connection.cursor() as cursor:
            cursor.execute(f"ANALYZE {', '.join(tables)}")
    plan_anew()
    with transaction.atomic():
        assert use_of(ada)["total"]["succeeded"] == 2_001
        # The new one a few times; and to plan by current statistics, both ends of each index.
        assert rows_read(*tables) < 40
