"""An owner moves jobs to the front or the back of the owner's own flow: their order changes, and nobody else's turn."""

from __future__ import annotations

import random
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from queueapp.errors import NotMovable
from queueapp.lifecycle.cancel import cancel
from queueapp.lifecycle.maintenance.schedule import join_due
from queueapp.lifecycle.pause import pause, resume, unpark_forgotten
from queueapp.lifecycle.processors import register
from queueapp.lifecycle.reorder import reorder, reorder_jobs
from queueapp.lifecycle.rescue import rescue_cluster
from queueapp.lifecycle.retry import try_again
from queueapp.lifecycle.route import move_some
from queueapp.lifecycle.submit import submit
from queueapp.lifecycle.turn import take_turn
from queueapp.lifecycle.validation import parse
from queueapp.models import Job, Owner, PriorityRule, Waiting, database_now
from queueapp.snapshots import queue_snapshot
from queueapp.snapshots.audit import audit
from queueapp.snapshots.backlog import read_backlog
from queueapp.states import Status
from tests.kit.queue import (
    ask_uncommitted,
    await_a_waiter,
    everyone_takes_turns,
    in_thread,
    make_owner,
    names,
    outcome,
    run_all,
    second_connection,
    settle,
    submit_jobs,
)

pytestmark = pytest.mark.usefixtures("no_rules")


@pytest.fixture
def ada(no_rules: None) -> Owner:
    everyone_takes_turns()
    return make_owner("ada")


def job(name: str) -> Job:
    return Job.objects.get(name=name)


def move(*moved: str, front: bool) -> None:
    """Move jobs of one owner. All of them must be there afterwards, and the queue sound."""
    jobs = Job.objects.filter(name__in=moved)
    assert reorder_jobs(jobs[0].owner_id, [one.pk for one in jobs], front=front) == {one.pk for one in jobs}
    assert audit() == []


def shown(owner: Owner) -> list[str]:
    """The names of an owner's waiting jobs as the queue shows them: positions from 1 on, starts in order."""
    waiting = queue_snapshot(owner)["waiting"]
    starts = [one["estimated_start"] for one in waiting if one["estimated_start"] is not None]
    assert starts == sorted(starts)
    positions = [one["position"] for one in waiting if one["position"] is not None]
    assert positions == list(range(1, len(positions) + 1))
    return [one["job_id"] for one in waiting]


def test_jobs_go_to_the_front_and_to_the_back_and_keep_their_order(ada: Owner) -> None:
    submit_jobs(ada, *"abcdef")
    move("e", "c", front=True)
    move("a", "c", front=False)
    submit_jobs(ada, "g")
    assert shown(ada) == list("ebdfcag")
    assert run_all(register("c").pk) == list("ebdfcag")


def test_the_back_is_behind_a_job_that_is_being_submitted(ada: Owner) -> None:
    submit_jobs(ada, "a", "b")
    with second_connection() as late, ThreadPoolExecutor(1) as thread:
        ask_uncommitted(late, ada, "late")
        moving = thread.submit(in_thread, lambda: reorder_jobs(ada.pk, [job("a").pk, job("b").pk], front=False))
        await_a_waiter(moving.done)
        late.commit()
        moving.result()
    assert audit() == []
    assert run_all(register("c").pk) == ["late", "a", "b"]


def test_whatever_is_moved_the_order_is_that_of_a_list(ada: Owner) -> None:
    """Random moves, submissions, turns and jobs that come back, beside a plain list; audited at each step."""
    chooser, many = random.Random(7), 0
    expected: list[str] = []
    processor = register("c").pk
    for _ in range(60):
        kind = chooser.choice(["submit", "front", "back", "back", "front", "run"])
        if kind == "submit" or not expected:
            new = [f"j{many + n}" for n in range(chooser.randint(1, 4))]
            many += len(new)
            submit_jobs(ada, *new)
            expected += new
        elif kind == "run":
            turn = take_turn(processor)
            assert names(turn.jobs) == [expected.pop(0)]
            settle(processor, turn)
        else:
            some = set(chooser.sample(expected, min(chooser.randint(1, 3), len(expected))))
            moving, rest = [j for j in expected if j in some], [j for j in expected if j not in some]
            expected = [*moving, *rest] if kind == "front" else [*rest, *moving]
            move(*some, front=kind == "front")
        assert shown(ada) == expected


def test_previews_begin_with_the_jobs_in_their_order(ada: Owner) -> None:
    submit_jobs(ada, *"abcd")
    move("d", "b", front=True)
    move("a", front=False)
    present, _ = read_backlog(database_now())
    [flow] = [flow for flow in present.flows if flow.backlog]
    assert [Job.objects.get(pk=queued.number).name for queued in flow.backlog] == list("bdca")
    assert (flow.head, sorted(flow.backlog, key=lambda queued: queued.place)) == (job("b").pk, flow.backlog)


def test_a_job_that_was_moved_to_the_front_wins_no_tie(ada: Owner) -> None:
    """Of two flows that are level, the one whose next job was submitted first is next."""
    submit_jobs(ada, "a0")
    submit_jobs(make_owner("bob"), "b0")
    submit_jobs(ada, "a1")
    move("a1", front=True)
    assert run_all(register("c").pk) == ["b0", "a1", "a0"]


def test_others_get_the_turns_that_they_would_have_got(ada: Owner) -> None:
    for user in (ada, make_owner("bob")):
        submit_jobs(user, *[f"{user.name}{n}" for n in range(6)])
    move("ada5", "ada3", front=True)
    assert [name[0] for name in run_all(register("c").pk)] == ["a", "b"] * 6


def test_jobs_that_come_back_from_a_turn_are_in_their_places_again(ada: Owner) -> None:
    submit_jobs(ada, *"abcdef", duration=0.001)
    move("d", "f", front=True)
    turn = take_turn(register("lost").pk)
    assert names(turn.jobs) == list("dfabce")
    submit_jobs(ada, "g", duration=0.001)
    move("g", front=True)
    rescue_cluster("lost")
    assert shown(ada) == list("dfabceg")
    assert audit() == []
    assert run_all(register("c").pk) == list("dfabceg")


@pytest.mark.parametrize("again", ["attempt", "retry"])
def test_a_job_that_is_tried_again_is_in_its_place_again(ada: Owner, again: str) -> None:
    submit_jobs(ada, *"abc")
    move("c", front=True)
    processor = register("c").pk
    turn = take_turn(processor)
    came = {"status": "retry", "retry": 0.0} if again == "attempt" else {"status": Status.FAILED}
    take_turn(processor, turn.number, [replace(outcome(turn.jobs[0]), **came)], now=time.monotonic(), more=False)
    if again == "retry":
        try_again(job("c"))
    join_due()
    assert shown(ada) == list("cab")
    assert audit() == []


def test_places_outlive_a_pause(ada: Owner) -> None:
    submit_jobs(ada, *"abc")
    move("c", front=True)
    paused = pause("", ada)
    assert shown(ada) == list("cab")
    with pytest.raises(NotMovable, match="in no line until it is no longer paused"):
        reorder(job("b"), front=True)
    resume(paused)
    assert audit() == []
    assert run_all(register("c").pk) == list("cab")


def test_in_a_flow_of_several_owners_nothing_moves(no_rules: None) -> None:
    ada = make_owner("ada")
    submit_jobs(ada, *"abc")
    with pytest.raises(NotMovable, match="would delay others"):
        reorder(job("c"), front=True)
    assert run_all(register("c").pk) == list("abc")


def test_a_job_that_joins_a_flow_of_several_owners_is_in_the_order_of_submission_there(ada: Owner) -> None:
    bob = make_owner("bob")
    submit_jobs(ada, "a0", "a1")
    submit_jobs(bob, "b0")
    submit_jobs(ada, "a2", "parked", "turn")
    move("turn", front=True)
    take_turn(register("lost").pk)
    move("a2", "parked", front=True)
    move("a0", front=False)
    Waiting.objects.filter(job__name="parked").update(flow=None)
    PriorityRule.objects.all().delete()
    join_due()
    rescue_cluster("lost")
    unpark_forgotten()
    while move_some() is not None:
        pass
    assert audit() == []
    assert run_all(register("c").pk) == ["a0", "a1", "b0", "a2", "parked", "turn"]
    assert not Job.objects.filter(moved_to__isnull=False).exists()


def test_what_is_not_in_line_is_refused_with_the_reason(ada: Owner) -> None:
    submit_jobs(ada, "ended", "runs", "waits")
    cancel(job("ended"))
    take_turn(register("c").pk)
    later = datetime.now(UTC) + timedelta(hours=1)
    submit(ada, [parse({"job_id": "later", "duration": 1, "run_at": later.isoformat()})])
    for name, why in [("ended", "has cancelled"), ("runs", "has taken"), ("later", "until its moment comes")]:
        with pytest.raises(NotMovable, match=why):
            reorder(job(name), front=False)
    reorder(job("waits"), front=True)


def test_moving_what_is_there_already_changes_nothing(ada: Owner) -> None:
    submit_jobs(ada, *"abcd")
    move("a", "b", front=True)
    move("c", "d", front=False)
    assert not Job.objects.filter(moved_to__isnull=False).exists()
    move("d", front=True)
    places = list(Job.objects.order_by("pk").values_list("moved_to", flat=True))
    move("d", front=True)
    assert list(Job.objects.order_by("pk").values_list("moved_to", flat=True)) == places
