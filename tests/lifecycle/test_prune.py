"""Retention: old finished jobs go, with all that is known of them; nothing else does."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings

from queueapp.db.routines import versioned
from queueapp.lifecycle.cancel import cancel_jobs
from queueapp.lifecycle.maintenance.prune import prune
from queueapp.lifecycle.processors import register
from queueapp.lifecycle.turn import take_turn
from queueapp.models import Attempt, Job, Outcome, Waiting
from tests.kit.queue import (
    await_a_waiter,
    in_thread,
    make_owner,
    run_all,
    second_connection,
    settle,
    submit_jobs,
)


@pytest.mark.usefixtures("no_rules")
def test_only_what_ended_long_ago_goes(settings: Settings) -> None:
    settings.QUEUEAPP = {"RETENTION_DAYS": 30}
    submit_jobs(make_owner("ada"), "old", "young", "waiting")
    processor = register("c").pk
    turn = take_turn(processor)
    turn = settle(processor, turn, more=True)
    settle(processor, turn)
    old = Outcome.objects.get(job__name="old")
    Outcome.objects.filter(pk=old.pk).update(finished_at=timezone.now() - timedelta(days=31))
    now = timezone.now()
    Attempt.objects.create(job_id=old.pk, number=1, started_at=now, finished_at=now, time_spent=1, error="x")
    assert prune() == 1
    assert prune() == 0
    assert set(Job.objects.values_list("name", flat=True)) == {"young", "waiting"}
    assert not Attempt.objects.exists()
    assert Outcome.objects.count() == 1


@pytest.mark.usefixtures("no_rules")
def test_a_job_that_is_retried_meanwhile_is_kept() -> None:
    submit_jobs(make_owner("ada"), "old", "older")
    old, older = Job.objects.order_by("pk")
    cancel_jobs(old.owner_id, [old.pk, older.pk])
    Outcome.objects.update(finished_at=timezone.now() - timedelta(days=3000))
    with second_connection() as theirs, ThreadPoolExecutor(1) as pool:
        theirs.execute(versioned("SELECT queueapp_try_again(%s::bigint[], 10)"), [[old.pk]])
        pruning = pool.submit(in_thread, prune)
        with suppress(AssertionError):  # it need not wait
            await_a_waiter(pruning.done)
        theirs.commit()
        assert pruning.result() == 1
    assert [job.name for job in Job.objects.all()] == ["old"]
    assert Waiting.objects.get().job_id == old.pk


@pytest.mark.usefixtures("no_rules")
def test_0_days_keep_everything(settings: Settings) -> None:
    settings.QUEUEAPP = {"RETENTION_DAYS": 0}
    submit_jobs(make_owner("ada"), "old")
    processor = register("c").pk
    settle(processor, take_turn(processor))
    Outcome.objects.update(finished_at=timezone.now() - timedelta(days=3000))
    assert prune() == 0


@pytest.mark.usefixtures("no_rules")
def test_a_call_deletes_a_batch_and_the_next_one_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("queueapp.lifecycle.maintenance.prune.BATCH_JOBS", 2)
    submit_jobs(make_owner("ada"), "a", "b", "c")
    processor = register("c").pk
    run_all(processor)
    Outcome.objects.update(finished_at=timezone.now() - timedelta(days=3000))
    assert [prune(), prune(), prune()] == [2, 1, 0]
