"""Counting in the totals: each outcome once, whenever it is committed, whoever counts, and whatever happens to it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Event

import pytest
from django.db import connection, transaction
from django.db.models import Sum
from django.utils import timezone
from pytest_django import Settings

from queueapp.db.routines import versioned
from queueapp.lifecycle.cancel import cancel
from queueapp.lifecycle.maintenance import totals
from queueapp.lifecycle.maintenance.totals import count_ended, prune_totals
from queueapp.lifecycle.processors import register
from queueapp.lifecycle.retry import try_again
from queueapp.lifecycle.turn import take_turn
from queueapp.models import FlowTotal, Job, TaskTotal, TotalsCursor
from queueapp.states import Status
from queueapp.workers.broker import TicketBroker
from tests.kit.queue import (
    everyone_takes_turns,
    in_thread,
    make_owner,
    outcome,
    plan_anew,
    rows_read,
    run_all,
    second_connection,
    submit_jobs,
)
from tests.kit.queue import settle as settle_turn
from tests.kit.totals import count_all

pytestmark = pytest.mark.usefixtures("no_rules")


def counted(width: int = 60) -> dict[str, int]:
    """How many jobs and attempts the totals have, by what became of them."""
    columns = ("succeeded", "failed", "cancelled", "retried")
    sums = TaskTotal.objects.filter(width=width).aggregate(**{name: Sum(name, default=0) for name in columns})
    return {name: many for name, many in sums.items() if many}


def count_noted() -> None:
    """Count all that is noted. Another transaction, such as autovacuum's, may have to end first."""
    while count_ended():
        pass


def test_what_is_committed_late_is_counted_with_the_others() -> None:
    """A settlement that drew a lower number is still open while a later one is committed, noted and to be counted."""
    everyone_takes_turns()
    for name in ("ada", "bob"):
        submit_jobs(make_owner(name), "job")
    first, second = register("c").pk, register("c").pk
    late, soon = take_turn(first), take_turn(second)
    settled, commit = Event(), Event()

    def settle_late() -> None:
        with transaction.atomic():
            settle_turn(first, late)
            settled.set()
            commit.wait(30)

    with ThreadPoolExecutor(1) as pool:
        settling = pool.submit(in_thread, settle_late)
        settled.wait(30)
        try:
            settle_turn(second, soon)
            assert count_ended(at_once=True), "noted"
            assert count_ended(), "to be counted when the open one has ended"
            assert counted() == {}
        finally:
            commit.set()
        settling.result()
    count_noted()
    assert counted() == {"succeeded": 2}
    count_all()
    assert counted() == counted(1_800) == counted(21_600) == {"succeeded": 2}


def test_a_broker_counts_beside_its_tickets() -> None:
    submit_jobs(make_owner("ada"), "a")
    run_all(register("c").pk)
    broker = TicketBroker()
    while not counted():  # it notes, and a second later it counts
        assert broker.dequeue() is None


def test_one_sweep_counts_at_a_time_and_the_others_go_on() -> None:
    submit_jobs(make_owner("ada"), "a", "b")
    run_all(register("c").pk)
    assert count_ended(at_once=True)
    count = versioned("SELECT queueapp_count_ended('{60,300,1800,21600}', 1000, 0)")
    with second_connection() as theirs:
        while theirs.execute(count).fetchone() == (True,):
            pass
        assert not count_ended(at_once=True), "another one counts"
    assert counted() == {"succeeded": 2}
    assert not count_ended(), "the next round is due in ten seconds"


def test_after_a_standstill_counting_catches_up_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    count_all()
    monkeypatch.setattr(totals, "BATCH_JOBS", 2)
    submit_jobs(make_owner("ada"), *"abcde")
    run_all(register("c").pk)
    steps, more = [], count_ended(at_once=True)
    while more:
        before = TotalsCursor.objects.get().outcomes
        more = count_ended()
        steps.append(TotalsCursor.objects.get().outcomes - before)
    assert [step for step in steps if step] == [2, 2, 1]
    assert counted() == {"succeeded": 5}


def test_a_copy_of_the_database_on_a_server_with_lower_transaction_ids_goes_on_counting() -> None:
    submit_jobs(make_owner("ada"), "a")
    count_ended(at_once=True)
    TotalsCursor.objects.update(noted_by=2**60)
    run_all(register("c").pk)
    assert count_ended()
    count_noted()
    assert counted() == {"succeeded": 1}


def test_failures_retries_and_cancellations_are_told_apart_and_counted_once() -> None:
    submit_jobs(make_owner("ada"), "failed", "waits", "given-up")
    processor = register("c").pk
    turn = take_turn(processor)
    failed = [replace(outcome(job, 1.0), status=Status.FAILED, error="Oh no.") for job in turn.jobs]
    take_turn(processor, turn.number, failed, more=False)
    cancel(Job.objects.get(name="given-up"))
    count_all()
    assert counted() == {"failed": 1, "cancelled": 1}
    # Retries take back nothing, and add what comes then.
    for name in ("failed", "given-up"):
        try_again(Job.objects.get(name=name))
    count_all()
    assert counted() == {"failed": 1, "cancelled": 1}
    with connection.cursor() as cursor:
        cursor.execute(versioned("SELECT queueapp_due(10)"))
    assert len(run_all(processor)) == 3
    count_all()
    assert counted() == {"failed": 1, "cancelled": 1, "succeeded": 3}
    spent = TaskTotal.objects.filter(width=60).aggregate(spent=Sum("spent"))["spent"]
    assert spent == pytest.approx(FlowTotal.objects.filter(width=1_800).aggregate(got=Sum("got"))["got"], abs=1e-3)


def test_totals_are_kept_longer_than_jobs(settings: Settings) -> None:
    settings.QUEUEAPP = {"RETENTION_DAYS": 2}
    now = timezone.now()
    for days in (1, 3, 40):
        for width in (60, 1_800, 21_600):
            begin = (now - timedelta(days=days)).replace(minute=0, second=0, microsecond=0)
            TaskTotal.objects.create(
                width=width, begin=begin, task="wait", succeeded=1, failed=0, cancelled=0, retried=0, spent=1
            )
    assert not prune_totals()
    assert sorted((now - total.begin).days for total in TaskTotal.objects.filter(width=60)) == [1]
    assert sorted((now - total.begin).days for total in TaskTotal.objects.filter(width=1_800)) == [1, 3]
    assert TaskTotal.objects.filter(width=21_600).count() == 2


@pytest.mark.parametrize("statistics", ["never filled", "emptied", "current"])
def test_counting_reads_only_what_is_new_whatever_the_statistics_say(statistics: str) -> None:
    """The tables were empty when statistics were gathered: just made, or full of dead tuples. No vacuum ran since. Or
    autovacuum gathered them just now.
    """
    ada = make_owner("ada")
    tables = "queueapp_outcome", "queueapp_job", "queueapp_attempt"
    emptied = statistics == "emptied"
    if emptied:
        submit_jobs(ada, *map(str, range(100)), duration=0.001)
        run_all(register("c").pk)
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"DELETE FROM {table}" if emptied else f"TRUNCATE {table} CASCADE")
            cursor.execute(f"ANALYZE {table}")
    submit_jobs(ada, *map(str, range(2_000)), duration=0.001)
    run_all(register("c").pk)
    count_all()
    submit_jobs(ada, "new")
    run_all(register("c").pk)
    if statistics == "current":
        with connection.cursor() as cursor:
            cursor.execute(f"ANALYZE {', '.join(tables)}")
    plan_anew()
    assert count_ended(at_once=True)
    with transaction.atomic():
        before = rows_read(*tables)
        count_noted()
        # The new one a few times; and to plan by current statistics, both ends of each index.
        assert rows_read(*tables) - before < 40
    assert counted() == {"succeeded": 2_001}
