"""Jobs that are submitted in a transaction of the caller's: they come with its commit, and nobody waits for it."""

from __future__ import annotations

import json
import unittest
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import TestCase

import queueapp
from queueapp.conf import queue_settings
from queueapp.db.routines import versioned
from queueapp.errors import BacklogFull, JobConflict
from queueapp.handle import Job as Handle
from queueapp.lifecycle import quota
from queueapp.lifecycle.cancel import cancel
from queueapp.lifecycle.maintenance.schedule import BATCH_JOBS, join_due
from queueapp.lifecycle.pause import pause, resume, unpark_forgotten
from queueapp.lifecycle.processors import register
from queueapp.lifecycle.retry import try_again
from queueapp.lifecycle.route import reroute
from queueapp.lifecycle.turn import take_turn
from queueapp.models import Job, Owner, Pause, PriorityRule, Waiting
from queueapp.snapshots import completions_after, queue_snapshot
from queueapp.snapshots.audit import audit
from tests.kit.queue import everyone_takes_turns, in_thread, make_owner, make_user, run_all, settle, submit_jobs
from tests.kit.site import Site

pytestmark = pytest.mark.usefixtures("no_rules")
ISOLATIONS = ["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"]


def one(owner: Any, job_id: str, duration: float = 1.0) -> Handle:
    return queueapp.submit(owner, "wait", duration=duration, job_id=job_id)


def elsewhere(work: Callable[[], Any]) -> Any:
    """Return the result of `work` on another connection. Raises the database's error if it waits for lock_timeout."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(in_thread, work).result()


@contextmanager
def isolation(level: str) -> Iterator[None]:
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(f"SET TRANSACTION ISOLATION LEVEL {level}")
        yield


def reroute_by_a_new_rule() -> None:
    PriorityRule.objects.create(name="later", position=1, weight=2)
    reroute()


def everything_that_others_do(ada: Owner, ben: Owner) -> None:
    """Submit, claim, settle, cancel, retry, read, pause and resume, and change the rules."""
    submit_jobs(ada, "a1", "a2")
    submit_jobs(ben, "b1", "b2")
    processor = register("c").pk
    settle(processor, take_turn(processor))
    cancel(Job.objects.get(name="a2"))
    try_again(Job.objects.get(name="a2"))
    assert completions_after({ada.pk: 0, ben.pk: 0})
    queue_snapshot(ada)
    resume(pause("for a while", ada))
    resume(pause("for a while", task="wait"))
    reroute_by_a_new_rule()
    join_due()
    run_all(processor)


@pytest.mark.parametrize("level", ISOLATIONS)
def test_nobody_waits_for_a_transaction_that_has_submitted(level: str) -> None:
    everyone_takes_turns()
    ada, ben = make_owner("ada"), make_owner("ben")
    submit_jobs(ada, "a0")
    with isolation(level):
        assert one("team-blue", "t0").status == one(ada.user, "mine").status == "queued"
        elsewhere(partial(everything_that_others_do, ada, ben))
        one(ben.user, "b0")
    join_due()
    assert run_all(register("c").pk) == ["t0", "mine", "b0"]
    assert audit() == []


@pytest.mark.parametrize("level", ISOLATIONS)
@pytest.mark.parametrize("owner", ["team-blue", "user"])
def test_a_new_owner_may_submit_elsewhere_while_a_transaction_is_open_that_was_first(owner: str, level: str) -> None:
    whose: Any = make_user("ada") if owner == "user" else owner
    with transaction.atomic():
        one(whose, "first")
        elsewhere(partial(one, whose, "second"))
    with isolation(level):
        one(whose, "third")
        elsewhere(partial(one, whose, "fourth"))
    assert Owner.objects.count() == 1
    join_due()
    assert run_all(register("c").pk) == ["first", "second", "third", "fourth"]


@pytest.mark.parametrize("level", ISOLATIONS)
def test_in_every_isolation_a_job_comes_with_the_owner_that_it_made(level: str) -> None:
    make_user("ada")
    with isolation(level):
        job = one("team-blue", "a")
        assert job.status == "queued"
    join_due()
    assert job.refresh().data["position"] == 1
    assert audit() == []


def test_a_user_who_is_made_in_the_transaction_may_own_a_job_of_it() -> None:
    with transaction.atomic():
        ada = make_user("ada")
        one(ada, "a")
        transaction.set_rollback(True)
    assert not Owner.objects.exists()
    with transaction.atomic():
        one(make_user("ada"), "a")
    join_due()
    assert run_all(register("c").pk) == ["a"]


def test_a_user_whom_the_transaction_has_locked_may_own_a_job_of_it() -> None:
    ada = make_user("ada")
    with transaction.atomic():
        type(ada).objects.select_for_update().get(pk=ada.pk)
        one(ada, "a")
    assert Owner.objects.get().user == ada


def test_what_is_rolled_back_takes_its_jobs_with_it_and_no_others() -> None:
    with transaction.atomic():
        one("team-blue", "kept")
        with transaction.atomic():
            one("team-blue", "lost")
            transaction.set_rollback(True)
        with pytest.raises(JobConflict):
            one("team-blue", "kept", duration=9)
        one("team-blue", "kept")
        one("team-blue", "after a refusal".replace(" ", "-"))
    join_due()
    assert run_all(register("c").pk) == ["kept", "after-a-refusal"]


@pytest.mark.parametrize("level", ISOLATIONS)
def test_a_transaction_that_is_repeated_after_a_rollback_finds_its_owner_anew(level: str) -> None:
    ada = make_user("ada")
    for _ in range(2):
        with isolation(level):
            one(ada, "a"), one(ada, "b")
            transaction.set_rollback(True)
    with isolation(level):
        one(ada, "a")
    join_due()
    assert run_all(register("c").pk) == ["a"]


def test_without_autocommit_jobs_come_with_the_commit_too() -> None:
    owner = make_owner("ada").user
    transaction.set_autocommit(False)
    try:
        one(owner, "lost")
        transaction.rollback()
        one(owner, "kept")
        assert elsewhere(Waiting.objects.count) == 0
        transaction.commit()
    finally:
        transaction.set_autocommit(True)
    join_due()
    assert run_all(register("c").pk) == ["kept"]


def test_jobs_take_their_places_by_their_submission_however_late_the_commit_is() -> None:
    ada = make_owner("ada")
    submit_jobs(ada, "before")
    with transaction.atomic():
        one(ada.user, "committed-late")
        elsewhere(partial(submit_jobs, ada, "after"))
    assert join_due().next_in is None
    assert run_all(register("c").pk) == ["before", "committed-late", "after"]


def test_many_jobs_of_a_transaction_join_in_their_order() -> None:
    """In batches, with claims in between: none may take a later job while an earlier one has not joined."""
    many = 2 * BATCH_JOBS + 100
    with transaction.atomic():
        queueapp.submit_many("team-blue", [{"job_id": f"j{n}", "duration": 0.01} for n in range(many)])
    processor, got, joined = register("c").pk, list[str](), 0
    while join_due().next_in is not None or joined < 3:
        joined += 1
        got += run_all(processor, limit=300)
    assert joined < 10
    assert got + run_all(processor) == [f"j{n}" for n in range(many)]


def test_a_job_of_a_paused_owner_or_task_is_parked_after_the_commit_whenever_the_pause_began() -> None:
    ada, ben = make_owner("ada"), make_owner("ben")
    submit_jobs(ben, "b0")
    with transaction.atomic():
        one(ada.user, "a1")
        one(ben.user, "b1")
        elsewhere(partial(pause, "no reason", ada))
    join_due()
    assert run_all(register("c").pk) == ["b0", "b1"]
    assert audit() == []
    resume(Pause.objects.get())
    assert run_all(register("c").pk) == ["a1"]


def test_what_a_broker_of_the_version_before_has_parked_goes_on() -> None:
    """It knows no job whose owner has no flow, and leaves such a one in none."""
    with transaction.atomic():
        one("team-blue", "a")
    Waiting.objects.update(not_before=None)
    unpark_forgotten()
    assert run_all(register("c").pk) == ["a"]


def test_a_resume_before_the_commit_misses_no_job() -> None:
    ada = make_owner("ada")
    paused = pause("no reason", ada)
    with transaction.atomic():
        one(ada.user, "a1")
        elsewhere(partial(resume, paused))
    join_due()
    assert run_all(register("c").pk) == ["a1"]


def test_a_full_backlog_refuses_a_job_and_leaves_the_transaction_as_it_was(settings: Any) -> None:
    settings.QUEUEAPP = settings.QUEUEAPP | {"MAX_WAITING_JOBS": 2}
    assert queue_settings().MAX_WAITING_JOBS == 2
    quota.forget_counts()
    with transaction.atomic():
        one("team-blue", "a"), one("team-blue", "b")
        quota.forget_counts()
        with pytest.raises(BacklogFull):
            one("team-blue", "c")
        one("team-blue", "a")
    assert Job.objects.count() == 2


def test_a_committed_job_that_has_not_joined_yet_is_shown_as_queued_and_may_be_cancelled() -> None:
    ada = make_owner("ada")
    with transaction.atomic():
        job = one(ada.user, "a")
    queue = queue_snapshot(ada)
    shown = [(shown["job_id"], shown["position"], shown["estimated_start"]) for shown in queue["waiting"]]
    assert shown == [("a", None, None)]
    assert audit() == []
    assert job.cancel()
    assert join_due().next_in is None
    assert job.refresh().status == "cancelled"


def test_within_a_test_case_no_owner_outlives_the_test() -> None:
    class Inside(TestCase):
        def runTest(self) -> None:
            with transaction.atomic():
                one("team-blue", "a")
            assert one("team-red", "a").data["position"] == 1

    result = unittest.TestSuite([Inside()]).run(unittest.TestResult())
    assert result.testsRun == 1
    assert result.wasSuccessful(), result.errors
    assert not Owner.objects.exists()


@pytest.mark.slow
def test_a_broker_finds_such_a_job_though_its_commit_is_not_announced(site: Site) -> None:
    (owner,) = site.query("INSERT INTO queueapp_owner (key) VALUES ('not-announced') RETURNING id")[0]
    job = json.dumps([{"owner": owner, "name": "a", "task": "wait", "payload": {}, "duration": 0.01}])
    site.query(versioned("SELECT * FROM queueapp_submit(ARRAY[%s::bigint], %s::jsonb, 1, true)"), owner, job)
    site.wait_for("SELECT count(*) = 1 FROM queueapp_outcome WHERE owner_id = %s AND status = 'succeeded'", owner)
