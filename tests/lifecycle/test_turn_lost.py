"""Turns whose processor died, whose lease ran out, or whose answer was lost: rescue and fencing."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from django.db import connection

from queueapp.db.routines import versioned
from queueapp.lifecycle.cancel import cancel
from queueapp.lifecycle.outcome import settle_part
from queueapp.lifecycle.processors import Beat, beat_idle, heartbeat, register
from queueapp.lifecycle.rescue import rescue_cluster, rescue_ended, rescue_overdue
from queueapp.lifecycle.turn import NotAccepting, Turn, take_turn
from queueapp.models import FlowState, Job, Outcome, Processor, Waiting
from queueapp.snapshots.audit import audit
from queueapp.states import Status
from tests.kit.queue import (
    everyone_takes_turns,
    make_owner,
    names,
    outcome,
    registered_worker,
    settle,
    submit_jobs,
)

pytestmark = pytest.mark.usefixtures("no_rules")


def lose(processor: int) -> None:
    Processor.objects.filter(pk=processor).update(lease_until="2000-01-01T00:00Z")


def test_a_lost_lease_is_rescued_in_place_and_a_late_settlement_changes_nothing() -> None:
    everyone_takes_turns()
    ada = make_owner("ada")
    submit_jobs(ada, "first", "second")
    lost, other = register("c").pk, register("c").pk
    turn = take_turn(lost)
    lose(lost)
    assert rescue_overdue() == 1
    late = settle(lost, turn)
    assert not late.kept
    assert not Outcome.objects.exists()
    again = take_turn(other)
    assert [(job.name, job.attempt) for job in again.jobs] == [("first", 2)]
    settle(other, again)
    assert Outcome.objects.get().attempt == 2
    with pytest.raises(NotAccepting):
        take_turn(lost)
    assert heartbeat(lost, turn.number) is Beat.LOST


def test_a_turn_that_was_taken_back_from_a_processor_that_lives_on_is_not_settled() -> None:
    """Its last sign of life came when it had been taken for dead."""
    submit_jobs(make_owner("ada"), "job")
    processor = register("c")
    turn = take_turn(processor.pk)
    taken_for_dead = Processor.objects.get()
    heartbeat(processor.pk, turn.number)
    assert rescue_ended([taken_for_dead]) == 1
    assert Processor.objects.exists()
    assert not settle(processor.pk, turn).kept
    assert not Outcome.objects.exists()
    assert [(job.name, job.attempt) for job in take_turn(processor.pk).jobs] == [("job", 2)]
    assert audit() == []


def test_what_is_said_late_of_an_earlier_turn_changes_nothing_of_the_present_one() -> None:
    """As where an answer was lost, and the statement is sent again after the next turn has begun."""
    submit_jobs(make_owner("ada"), "a0", "a1", duration=0.01)
    submit_jobs(make_owner("bob"), "next")
    processor = register("c").pk
    earlier = take_turn(processor)
    assert names(earlier.jobs) == ["a0", "a1"]
    present = settle(processor, earlier, more=True)
    assert names(present.jobs) == ["next"]
    before = Processor.objects.values().get(), list(FlowState.objects.order_by("pk").values())
    assert heartbeat(processor, earlier.number, elapsed=50.0, progress=0.5) is Beat.LOST
    first, second = earlier.jobs
    assert not settle_part(
        processor, earlier.number, [outcome(first)], keep=second.id, elapsed=50.0, now=time.monotonic()
    )
    with connection.cursor() as cursor:
        cursor.execute(
            versioned("SELECT queueapp_rescue(%s, %s, %s, 3, 'late', false)"),
            [processor, earlier.number, second.id],
        )
    assert (Processor.objects.values().get(), list(FlowState.objects.order_by("pk").values())) == before
    assert audit() == []


def test_a_job_whose_processors_keep_dying_fails_in_the_end() -> None:
    submit_jobs(make_owner("ada"), "killer", "innocent")
    for _ in range(3):
        processor = register("c").pk
        assert names(take_turn(processor).jobs) == ["killer"]
        lose(processor)
        rescue_overdue()
    ended = Outcome.objects.get()
    assert (ended.status, ended.attempt, ended.error) == (
        "failed",
        3,
        "Its processor died while it ran.",
    )
    assert list(ended.job.attempts.values_list("number", flat=True)) == [1, 2, 3]
    assert names(take_turn(register("c").pk).jobs) == ["innocent"]


def test_a_turn_whose_answer_was_lost_is_given_back_and_costs_no_attempt() -> None:
    """As when the connection is cut after the claim's commit: the processor holds jobs that it knows nothing of."""
    everyone_takes_turns()
    ada = make_owner("ada")
    submit_jobs(ada, "a0", "a1", duration=0.001)
    worker = registered_worker()
    try:
        lost = take_turn(worker.processor)
        assert names(lost.jobs) == ["a0", "a1"]
        submit_jobs(ada, "a2", duration=0.001)
        again = worker.settle_and_claim(Turn(), None, more=True)
        assert [(job.name, job.attempt) for job in again.jobs] == [("a0", 1), ("a1", 1), ("a2", 1)]
        assert not settle(worker.processor, again).jobs
    finally:
        worker.release()
    assert Outcome.objects.count() == 3


def test_a_turn_that_was_begun_and_whose_outcomes_got_lost_has_cost_an_attempt() -> None:
    """Else a job whose worker fails at it each time would run again and again as its first attempt."""
    submit_jobs(make_owner("ada"), "a0")
    worker = registered_worker()
    try:
        turn = worker.settle_and_claim(Turn(), None, more=True)
        worker.begun = turn.number
        again = worker.settle_and_claim(Turn(), None, more=True)
        assert [(job.name, job.attempt) for job in again.jobs] == [("a0", 2)]
    finally:
        worker.release()
    assert audit() == []


def test_signs_of_life_between_turns_do_not_keep_a_turn_whose_answer_was_lost() -> None:
    everyone_takes_turns()
    submit_jobs(make_owner("ada"), "a0")
    processor = register("test")
    take_turn(processor.pk)
    before = Processor.objects.get().lease_until
    beat_idle("test", [processor.pid])
    assert Processor.objects.get().lease_until == before


def test_a_turn_whose_settlement_was_acknowledged_to_nobody_is_not_settled_twice() -> None:
    """A part is settled, the answer is lost, and the end of the turn comes with all that was not acknowledged."""
    everyone_takes_turns()
    submit_jobs(make_owner("ada"), "flaky", "long", duration=0.001)
    worker = registered_worker()
    try:
        turn = take_turn(worker.processor)
        failed = replace(outcome(turn.jobs[0], 0.01), status=Status.FAILED, retry=0.0)
        now = time.monotonic()
        settle_part(worker.processor, turn.number, [failed], keep=turn.jobs[1].id, elapsed=0.03, now=now)
        ends = [failed, outcome(turn.jobs[1], 0.05)]
        assert worker.settle_and_claim(turn, ends, more=False, in_doubt=True).kept
    finally:
        worker.release()
    assert Outcome.objects.get().job.name == "long"
    assert Waiting.objects.get().attempt == 2
    assert audit() == []


def test_of_a_turn_of_several_jobs_nobody_is_blamed_and_each_is_then_taken_singly() -> None:
    """One of them kills whatever runs it: the others lose no attempt, and it is found."""
    submit_jobs(make_owner("ada"), "a0", "a1", duration=0.001)
    submit_jobs(make_owner("mallory"), "killer", duration=0.001)
    processor = register("c").pk
    assert names(take_turn(processor).jobs) == ["a0", "a1", "killer"]
    lose(processor)
    rescue_overdue()
    for name in ("a0", "a1"):
        turn = take_turn(register("c").pk)
        assert [(job.name, job.attempt) for job in turn.jobs] == [(name, 1)]
        settle(Processor.objects.get(turn=turn.number).pk, turn)
    for attempt in (1, 2, 3):
        processor = register("c").pk
        assert [(job.name, job.attempt) for job in take_turn(processor).jobs] == [("killer", attempt)]
        lose(processor)
        rescue_overdue()
    assert Outcome.objects.get(status="failed").job.name == "killer"
    assert audit() == []


@pytest.mark.parametrize("stopped", [True, False], ids=["its cluster was stopped", "its processor died"])
def test_a_job_that_was_to_be_cancelled_does_not_come_back(stopped: bool) -> None:
    """Its owner was told that it is asked to stop."""
    submit_jobs(make_owner("ada"), "cancelled", "other")
    processor = register("c").pk
    assert names(take_turn(processor).jobs) == ["cancelled"]
    assert not cancel(Job.objects.get(name="cancelled"))
    if stopped:
        rescue_cluster("c")
    else:
        lose(processor)
        rescue_overdue()
    ended = Outcome.objects.get()
    assert (ended.job.name, ended.status, ended.attempt) == ("cancelled", "cancelled", 1)
    assert names(take_turn(register("d").pk).jobs) == ["other"]
    assert audit() == []


def test_a_cluster_that_its_operator_stops_costs_no_attempt() -> None:
    submit_jobs(make_owner("ada"), "long")
    for _ in range(4):
        assert [(job.name, job.attempt) for job in take_turn(register("c").pk).jobs] == [("long", 1)]
        rescue_cluster("c")
    assert not Outcome.objects.exists()
    assert audit() == []
