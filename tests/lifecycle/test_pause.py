"""Pausing: what is paused is not started, keeps its place, and goes on when staff resume it; others go on meanwhile."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event

import pytest
from django.contrib.admin.models import LogEntry
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from queueapp.lifecycle.maintenance.schedule import join_due
from queueapp.lifecycle.pause import pause, resume, unpark_forgotten
from queueapp.lifecycle.processors import register
from queueapp.lifecycle.rescue import rescue_cluster
from queueapp.lifecycle.submit import submit
from queueapp.lifecycle.turn import take_turn
from queueapp.lifecycle.validation import parse
from queueapp.models import Pause, Waiting
from queueapp.pages import humanize
from queueapp.snapshots import queue_snapshot
from queueapp.snapshots.audit import audit
from tests.kit.queue import (
    await_a_waiter,
    everyone_takes_turns,
    in_thread,
    make_owner,
    make_user,
    names,
    outcome,
    run_all,
    settle,
    submit_jobs,
)

pytestmark = pytest.mark.usefixtures("no_rules")


@pytest.fixture(params=["separately", "one common flow"])
def rules(request: pytest.FixtureRequest, no_rules: None) -> str:
    """Each user a flow, and all users in one."""
    if request.param == "separately":
        everyone_takes_turns()
    return str(request.param)


def nap(name: str) -> dict[str, object]:
    """A job of another task than `wait`."""
    return {"job_id": name, "duration": 1.0, "task": "nap", "payload": {"seconds": 0}}


@pytest.mark.usefixtures("rules")
def test_a_paused_users_jobs_wait_and_others_go_on() -> None:
    ada, bob = make_owner("ada"), make_owner("bob")
    submit_jobs(ada, "a1", "a2")
    submit_jobs(bob, "b1", "b2")
    paused = pause("maintenance", owner=ada)
    submit_jobs(ada, "a3")
    processor = register("c").pk
    assert run_all(processor) == ["b1", "b2"]
    assert audit() == []
    assert Waiting.objects.filter(owner=ada).count() == 3
    resume(paused)
    assert audit() == []
    submit_jobs(ada, "a4")
    assert run_all(processor) == ["a1", "a2", "a3", "a4"]


@pytest.mark.usefixtures("rules")
def test_a_paused_task_waits_and_goes_on_in_its_places() -> None:
    ada = make_owner("ada")
    submit(ada, [parse(nap("n1")), parse({"job_id": "w1", "duration": 1}), parse(nap("n2"))])
    paused = pause("broken", task="nap")
    submit(ada, [parse(nap("n3")), parse({"job_id": "w2", "duration": 1})])
    processor = register("c").pk
    assert run_all(processor, limit=1) == ["w1"]
    resume(paused)
    assert run_all(processor) == ["n1", "n2", "n3", "w2"]


def test_a_user_who_was_away_paused_gets_no_more_turns_than_the_others_afterwards() -> None:
    everyone_takes_turns()
    ada, bob = make_owner("ada"), make_owner("bob")
    submit_jobs(ada, *[f"a{n}" for n in range(3)])
    submit_jobs(bob, *[f"b{n}" for n in range(8)])
    paused = pause("too much", owner=ada)
    processor = register("c").pk
    assert run_all(processor, limit=5) == ["b0", "b1", "b2", "b3", "b4"]
    resume(paused)
    assert run_all(processor) == ["a0", "b5", "a1", "b6", "a2", "b7"]


def test_while_everything_is_paused_no_turn_is_taken_and_running_jobs_end() -> None:
    ada = make_owner("ada")
    submit_jobs(ada, "a1", "a2")
    processor = register("c").pk
    turn = take_turn(processor)
    paused = pause("maintenance")
    assert settle(processor, turn, more=True).jobs == []
    submit_jobs(ada, "a3")
    assert take_turn(processor).jobs == []
    assert audit() == []
    resume(paused)
    assert run_all(processor) == ["a2", "a3"]


def test_jobs_that_come_back_to_a_paused_user_are_parked() -> None:
    ada = make_owner("ada")
    submit_jobs(ada, "a1", "a2", duration=0.001)
    lost = register("lost").pk
    assert names(take_turn(lost).jobs) == ["a1", "a2"]
    paused = pause("maintenance", owner=ada)
    rescue_cluster("lost")
    processor = register("c").pk
    assert run_all(processor) == []
    assert audit() == []
    resume(paused)
    assert run_all(processor) == ["a1", "a2"]


def test_a_start_that_comes_during_a_pause_waits_for_its_end() -> None:
    ada = make_owner("ada")
    submit(
        ada, [parse({"job_id": "later", "duration": 1, "run_at": (timezone.now() + timedelta(hours=1)).isoformat()})]
    )
    paused = pause("maintenance", owner=ada)
    Waiting.objects.update(not_before=timezone.now() - timedelta(seconds=1))
    join_due()
    processor = register("c").pk
    assert run_all(processor) == []
    assert audit() == []
    resume(paused)
    assert run_all(processor) == ["later"]


def test_two_pauses_of_one_job_must_both_end() -> None:
    ada = make_owner("ada")
    submit(ada, [parse(nap("n1"))])
    of_user, of_task = pause("one", owner=ada), pause("two", task="nap")
    resume(of_user)
    processor = register("c").pk
    assert run_all(processor) == []
    resume(of_task)
    assert run_all(processor) == ["n1"]


def test_nothing_is_paused_twice() -> None:
    ada = make_owner("ada")
    for what in ({"owner": ada}, {"task": "nap"}, {}):
        pause("once", **what)
        with pytest.raises(IntegrityError):
            pause("twice", **what)


def test_jobs_whose_pause_is_gone_are_found() -> None:
    ada = make_owner("ada")
    submit_jobs(ada, "a1")
    pause("maintenance", owner=ada)
    Pause.objects.all().delete()
    with pytest.raises(CommandError, match="nothing pauses them"):
        call_command("audit")
    unpark_forgotten()
    assert audit() == []
    assert run_all(register("c").pk) == ["a1"]


def test_users_read_what_is_paused_and_why() -> None:
    ada, bob = make_owner("ada"), make_owner("bob")
    submit(ada, [parse(nap("n1"))])
    pause("broken", task="nap")
    assert queue_snapshot(ada)["paused"] == "Jobs of the task nap are paused by staff: broken"
    assert queue_snapshot(ada)["waiting"][0]["status"] == "queued"
    assert queue_snapshot(bob)["paused"] is None
    pause("too much", owner=ada)
    assert queue_snapshot(ada)["paused"] == "Your jobs are paused by staff: too much"
    pause("maintenance")
    assert queue_snapshot(bob)["paused"] == "Paused by staff: maintenance"


def test_staff_pause_and_resume_in_the_admin(client: Client) -> None:
    boss, ada = make_user("boss", is_staff=True, is_superuser=True), make_owner("ada")
    client.force_login(boss)
    submit_jobs(ada, "a1")
    add = reverse("admin:queueapp_pause_add")
    both = client.post(add, {"user": ada.user_id, "task": "nap", "reason": "why"})
    assert "not several at once" in both.content.decode()
    client.post(add, {"user": ada.user_id, "task": "", "reason": "maintenance"})
    paused = Pause.objects.get()
    assert (paused.owner, paused.reason, paused.by) == (ada, "maintenance", boss)
    processor = register("c").pk
    assert run_all(processor) == []
    listed = client.get(reverse("admin:queueapp_pause_changelist")).content.decode()
    assert all(text in listed for text in ("user ada", "maintenance", "boss", "ago"))
    client.post(reverse("admin:queueapp_pause_delete", args=[paused.pk]), {"post": "yes"})
    assert run_all(processor) == ["a1"]
    client.post(add, {"user": "", "task": "", "reason": "night"})
    assert "paused already" in client.post(add, {"user": "", "task": "", "reason": "night"}).content.decode()
    chosen = {"action": "delete_selected", "_selected_action": [Pause.objects.get().pk], "post": "yes"}
    client.post(reverse("admin:queueapp_pause_changelist"), chosen)
    assert not Pause.objects.exists()
    assert [entry.action_flag for entry in LogEntry.objects.order_by("pk")] == [1, 3, 1, 3]


@pytest.mark.usefixtures("rules")
def test_a_job_that_is_put_back_while_its_user_is_resumed_goes_on() -> None:
    """The settlement that puts it back has seen the pause, and is not committed yet."""
    ada = make_owner("ada")
    submit_jobs(ada, "a1", "a2", duration=0.001)
    processor = register("c").pk
    turn = take_turn(processor)
    assert names(turn.jobs) == ["a1", "a2"]
    paused = pause("maintenance", owner=ada)
    settled, go_on = Event(), Event()

    def settle_late() -> None:
        with transaction.atomic():
            take_turn(processor, turn.number, [outcome(turn.jobs[0])], more=False)
            settled.set()
            go_on.wait(30)

    with ThreadPoolExecutor(2) as pool:
        settling = pool.submit(in_thread, settle_late)
        settled.wait(30)
        resuming = pool.submit(in_thread, lambda: resume(paused))
        try:
            await_a_waiter(resuming.done)
        finally:
            go_on.set()
        settling.result()
        resuming.result()
    assert audit() == []
    assert run_all(processor) == ["a2"]


def test_whoever_is_paused_is_told_of_no_share() -> None:
    everyone_takes_turns()
    ada, bob = make_owner("ada"), make_owner("bob")
    submit_jobs(ada, "a1")
    submit_jobs(bob, "b1")
    paused = pause("maintenance", owner=ada)
    shares = [queue_snapshot(user)["share"]["owed"] for user in (ada, bob)]
    assert shares == [0, 1]
    assert humanize.share(queue_snapshot(ada)["share"], "ada", active=True) == "No turns while paused"
    resume(paused)
    assert queue_snapshot(ada)["share"]["owed"] == 0.5
