"""One turn: what it takes, gives back, refuses and settles."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from queueapp.errors import NotRetryable
from queueapp.lifecycle.cancel import cancel, cancel_jobs
from queueapp.lifecycle.job_filter import RetryFilter
from queueapp.lifecycle.maintenance.schedule import join_due
from queueapp.lifecycle.matching import try_again_matching
from queueapp.lifecycle.outcome import settle_part
from queueapp.lifecycle.processors import Beat, heartbeat, register
from queueapp.lifecycle.processors import drain as stop_claims
from queueapp.lifecycle.retry import MAX_ATTEMPTS, try_again
from queueapp.lifecycle.submit import submit
from queueapp.lifecycle.turn import NotAccepting, take_turn
from queueapp.lifecycle.validation import parse
from queueapp.models import Attempt, Job, Outcome, Waiting, database_now
from queueapp.snapshots.audit import audit
from queueapp.states import Status
from tests.kit.queue import (
    everyone_takes_turns,
    make_owner,
    names,
    outcome,
    registered_worker,
    run_all,
    submit_jobs,
)

pytestmark = pytest.mark.usefixtures("no_rules")


def test_what_was_not_started_goes_back_while_a_job_outruns_the_quantum() -> None:
    everyone_takes_turns()
    ada = make_owner("ada")
    submit_jobs(ada, *[f"{n}" for n in range(6)], duration=0.005)
    processor, other = register("c").pk, register("c").pk
    turn = take_turn(processor)
    assert len(turn.jobs) > 3
    now = time.monotonic()
    assert settle_part(
        processor, turn.number, [outcome(turn.jobs[0], 0.005)], keep=turn.jobs[1].id, elapsed=30.0, now=now
    )
    assert Outcome.objects.get().job.name == "0"
    assert names(take_turn(other).jobs) == ["2", "3", "4", "5"]
    ada.refresh_from_db()
    assert ada.flow is not None
    assert ada.flow.state.busy == 2
    assert ada.flow.state.vtime == pytest.approx(30.005 + 4 * 0.005)
    assert take_turn(processor, turn.number, [outcome(turn.jobs[1], 31)], now=now, more=False).kept
    assert Outcome.objects.count() == 2


def test_a_draining_processor_takes_no_turn() -> None:
    submit_jobs(make_owner("ada"), "job")
    processor = register("mine").pk
    stop_claims("mine")
    with pytest.raises(NotAccepting):
        take_turn(processor)
    assert names(take_turn(register("other").pk).jobs) == ["job"]


def test_cancelled_jobs_are_not_claimed_nor_charged() -> None:
    everyone_takes_turns()
    ada = make_owner("ada")
    submit_jobs(ada, "a", "b", "c", duration=0.004)
    cancel(Job.objects.get(name="b"))
    assert Job.objects.get(name="b").status == Status.CANCELLED
    assert names(take_turn(register("c").pk).jobs) == ["a", "c"]
    ada.refresh_from_db()
    assert ada.flow is not None
    assert ada.flow.state.vtime == pytest.approx(0.008)


def test_a_settlement_that_the_database_refuses_fails_that_job_alone() -> None:
    """Text that PostgreSQL cannot store comes to the settlement, past every check before it."""
    everyone_takes_turns()
    submit_jobs(make_owner("ada"), "a0", "a1", "a2", duration=0.001)
    worker = registered_worker()
    try:
        turn = take_turn(worker.processor)
        good, bad, late = (outcome(job) for job in turn.jobs)
        bad = replace(bad, result='"\\u0000"')
        assert not worker.settle_and_claim(turn, [good, bad, late], more=False).jobs
    finally:
        worker.release()
    ended = Outcome.objects.order_by("job")
    assert [(o.status, o.attempt) for o in ended] == [("succeeded", 1), ("failed", 1), ("succeeded", 1)]
    assert "could not be stored" in ended[1].error


def test_cancelling_a_job_of_a_turn_stops_no_other() -> None:
    """A tiny job is cancelled while the turn still stands for it; then a long one of another user runs on."""
    mallory, ada = make_owner("mallory"), make_owner("ada")
    submit_jobs(mallory, "tiny", duration=0.001)
    submit_jobs(ada, "long", duration=0.001)
    processor = register("c").pk
    turn = take_turn(processor)
    assert names(turn.jobs) == ["tiny", "long"]
    assert not cancel(Job.objects.get(name="tiny")), "it runs, and is asked to stop"
    tiny, long = turn.jobs
    settle_part(processor, turn.number, [outcome(tiny)], keep=long.id, elapsed=0.03, now=time.monotonic())
    assert heartbeat(processor, turn.number, elapsed=0.1) is Beat.GO_ON


def test_a_job_that_was_cancelled_between_attempts_and_tried_again_is_numbered_on() -> None:
    """Its new attempt's error and time are kept."""
    submit_jobs(make_owner("ada"), "job")
    processor = register("c").pk
    turn = take_turn(processor)
    failed = replace(outcome(turn.jobs[0], 1.0), status=Status.FAILED, error="first", retry=1000.0)
    take_turn(processor, turn.number, [failed], now=time.monotonic(), more=False)
    job = Job.objects.get()
    assert cancel(job)
    try_again(job)
    join_due()
    turn = take_turn(processor)
    assert turn.jobs[0].attempt == 2
    failed = replace(outcome(turn.jobs[0], 2.0), status=Status.FAILED, error="second")
    take_turn(processor, turn.number, [failed], now=time.monotonic(), more=False)
    assert list(job.attempts.values_list("number", "error")) == [(1, "first"), (2, "second")]
    assert Outcome.objects.get().time_spent == 3.0


@pytest.mark.parametrize("by_filter", [False, True])
def test_a_job_with_very_many_attempts_is_not_tried_again_even_if_it_was_cancelled(by_filter: bool) -> None:
    """The number of an attempt is a small integer. Beyond it, no settlement and no rescue would be possible."""
    ada = make_owner("ada")
    submit_jobs(ada, "job", "other")
    job = Job.objects.get(name="job")
    now = database_now()
    moments = {"started_at": now, "finished_at": now, "time_spent": 0.0}
    Attempt.objects.create(job=job, number=MAX_ATTEMPTS, **moments)
    cancel_jobs(ada.pk, Job.objects.values_list("pk", flat=True), stop=False)
    if by_filter:
        assert try_again_matching(ada, RetryFilter(all=True)).retried == 1
    else:
        with pytest.raises(NotRetryable, match="has had 200 attempts"):
            try_again(job)
        try_again(Job.objects.get(name="other"))
    assert [one.name for one in Job.objects.filter(outcome=None)] == ["other"]


@pytest.mark.parametrize("declared", [5e-324, 1e-300, 1e300])
@pytest.mark.parametrize("spent", [1e-9, 1.0, 1e8])
def test_no_declaration_however_small_or_large_keeps_others_from_their_turns(declared: float, spent: float) -> None:
    """PostgreSQL refuses a product of floats that is too small or too large. Submission refuses such durations; a row
    of an earlier version may have one."""
    everyone_takes_turns(weight=3)
    ada, ben = make_owner("ada"), make_owner("ben")
    submit_jobs(ada, "a0", "a1", "a2")
    submit_jobs(ben, "b0")
    Job.objects.filter(owner=ada).update(duration=declared)
    Waiting.objects.filter(owner=ada).update(expected=declared)
    done = run_all(register("c").pk, spent)
    assert sorted(done) == ["a0", "a1", "a2", "b0"]
    assert audit() == []


def test_a_job_that_was_cancelled_before_its_moment_and_tried_again_waits_for_it() -> None:
    ada = make_owner("ada")
    submit(ada, [parse({"job_id": "later", "duration": 1.0, "run_at": "2100-01-01T00:00:00Z"})])
    job = Job.objects.get()
    assert cancel(job)
    try_again(job)
    join_due()
    assert Waiting.objects.get().not_before == job.run_at
    assert take_turn(register("c").pk).jobs == []
    assert audit() == []
