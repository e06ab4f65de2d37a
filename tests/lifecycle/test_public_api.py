"""The names that a project imports from `queueapp`."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser
from django.db import transaction

import queueapp
from queueapp.errors import (
    InTransaction,
    InvalidSubmission,
    JobConflict,
    JobNotFound,
    NotCancellable,
    NotMovable,
    NotRetryable,
    WaitTimeout,
)
from queueapp.handle import Job as Handle
from queueapp.lifecycle.processors import register
from queueapp.lifecycle.turn import take_turn
from queueapp.models import Job, Owner, Waiting
from queueapp.states import Status
from queueapp.tasks import wait
from tests.kit.queue import everyone_takes_turns, in_thread, make_user, outcome

pytestmark = pytest.mark.usefixtures("no_rules")


def one(job_id: str = "a", owner: Any = "team-blue", duration: float = 1.0) -> Handle:
    return queueapp.submit(owner, "wait", duration=duration, job_id=job_id)


def end(status: Status = Status.SUCCEEDED, **fields: Any) -> None:
    """Take the next turn, and settle its one job so."""
    processor = register("c").pk
    turn = take_turn(processor)
    settled = replace(outcome(turn.jobs[0], 0.5), status=status, **fields)
    take_turn(processor, turn.number, [settled], now=time.monotonic(), more=False)


def test_a_job_is_submitted_once_whatever_its_task_is_called_by() -> None:
    job = one()
    assert (job.job_id, job.status, job.ended, job.data["position"]) == ("a", "queued", False, 1)
    queueapp.submit("team-blue", wait, {}, duration=1, job_id="a")
    assert Job.objects.count() == 1
    with pytest.raises(JobConflict):
        one(duration=3)


def test_a_job_without_a_name_gets_one_of_its_own() -> None:
    first, second = (queueapp.submit(make_user(name), wait, duration=1) for name in ("ada", "ben"))
    assert first.job_id != second.job_id
    assert queueapp.get("team-blue", one().job_id).status == "queued"


def test_everything_about_a_job_is_kept() -> None:
    at = datetime(2100, 1, 1, tzinfo=UTC)
    job = queueapp.submit("team-blue", "wait", duration=2, run_at=at, time_limit=3, memory_limit=64.5)
    known = {name: job.data[name] for name in ("duration", "run_at", "time_limit", "memory_limit")}
    assert known == {"duration": 2, "run_at": "2100-01-01T00:00:00.000000Z", "time_limit": 3, "memory_limit": 64.5}


def test_many_jobs_are_submitted_all_or_none_in_their_order() -> None:
    jobs: list[dict[str, Any]] = [{"job_id": "a", "duration": 1}, {"task": wait, "duration": 2, "payload": {}}]
    first, second = queueapp.submit_many("team-blue", jobs)
    assert [first.data["position"], second.data["position"]] == [1, 2]
    with pytest.raises(InvalidSubmission) as refused:
        queueapp.submit_many("team-blue", [{"job_id": "c", "duration": 1}, {"job_id": "d", "duration": 0}, "job"])  # type: ignore[list-item]
    assert [(error.field, error.index) for error in refused.value.errors] == [("duration", 1), ("job", 2)]
    assert Job.objects.count() == 2


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("payload.path", {"payload": {"path": "x"}}),
        ("payload", {"payload": "x"}),
        ("payload", {"payload": {"x": float("nan")}}),
        ("task", {"task": "none"}),
        ("task", {"task": print}),
        ("job_id", {"job_id": "two words"}),
        ("duration", {"duration": -1}),
        ("run_at", {"run_at": datetime(2100, 1, 1)}),
    ],
)
def test_of_a_wrong_job_the_field_is_named_and_nothing_is_made(field: str, wrong: dict[str, Any]) -> None:
    asked: dict[str, Any] = {"task": "wait", "duration": 1} | wrong
    with pytest.raises(InvalidSubmission) as refused:
        queueapp.submit("team-blue", **asked)
    assert {(error.field, error.index) for error in refused.value.errors} == {(field, None)}
    assert not Job.objects.exists()
    assert not Owner.objects.exists()


@pytest.mark.parametrize("field", ["user", "key"])
def test_whose_a_job_is_is_said_once(field: str) -> None:
    with pytest.raises(InvalidSubmission) as refused:
        queueapp.submit_many("team-blue", [{"job_id": "a", "duration": 1, field: "ada"}])
    assert [error.field for error in refused.value.errors] == [field]


@pytest.mark.parametrize("key", ["", "two words", "a,b", "team-*", "x" * 201, "nul\0"])
def test_what_is_no_key_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="is not a key: use 1 to 200 letters"):
        one(owner=key)
    assert not Owner.objects.exists()


def test_nobody_elses_jobs_wait_in_line_with_those_of_the_queue_itself() -> None:
    with pytest.raises(ValueError, match="keys that begin with queueapp: are those of the queue's own jobs"):
        one(owner="queueapp:webhooks:17")


def test_a_key_owns_jobs_as_a_user_does() -> None:
    one(owner="team-blue"), one(owner="team-red"), one("b")
    assert [(job.owner.name, job.name) for job in Job.objects.order_by("pk")] == [
        ("team-blue", "a"), ("team-red", "a"), ("team-blue", "b"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("owner", "job_id"),
    [("team-blue", "a"), ("team-red", "b"), ("no key", "b"), ("nul\0", "b"), ("team-blue", "b\0"), (None, "b")],
)
def test_of_a_job_that_is_not_there_one_is_told_so(owner: str | None, job_id: str) -> None:
    one("b")
    with pytest.raises(JobNotFound):
        queueapp.get(AnonymousUser() if owner is None else owner, job_id)  # type: ignore[arg-type]
    assert Owner.objects.count() == 1


@pytest.mark.parametrize("unsaved", [AnonymousUser, get_user_model()])
def test_who_is_not_saved_owns_no_job(unsaved: Any) -> None:
    with pytest.raises(ValueError, match="a saved user"):
        one(owner=unsaved())
    assert not Job.objects.exists()


def test_a_wait_ends_with_the_job() -> None:
    job = one()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(in_thread, lambda: job.wait(timeout=60).result)
        end(result='{"pixels": 7}')
        assert waiting.result() == {"pixels": 7}
    assert queueapp.get("team-blue", "a").status == "succeeded"


def test_a_wait_that_takes_too_long_says_so_and_the_job_goes_on() -> None:
    job = one()
    with pytest.raises(WaitTimeout, match="has not ended in time"):
        job.wait(timeout=0.05)
    assert job.refresh().status == "queued"


def test_a_job_is_cancelled_and_retried_and_its_error_is_read() -> None:
    job = one()
    assert job.cancel()
    assert job.refresh().status == "cancelled"
    with pytest.raises(NotCancellable):
        job.cancel()
    job.retry()
    queueapp.submit("team-red", wait, duration=9)
    with pytest.raises(NotRetryable):
        job.retry()


def test_why_a_job_failed_is_read() -> None:
    job = one()
    end(Status.FAILED, error="no paper")
    assert (job.wait().error, job.result, job.status) == ("no paper", None, "failed")


def test_a_job_is_moved_in_its_owners_flow() -> None:
    everyone_takes_turns()
    first, second = (queueapp.submit("team-red", wait, duration=1, job_id=name) for name in ("first", "second"))
    second.move("front")
    assert (first.refresh().data["position"], second.refresh().data["position"]) == (2, 1)
    with pytest.raises(ValueError, match="middle"):
        first.move("middle")  # type: ignore[arg-type]
    second.cancel()
    with pytest.raises(NotMovable, match="has cancelled"):
        second.move("back")


@pytest.mark.parametrize("action", [Handle.wait, Handle.cancel, Handle.retry, lambda job: job.move("front")])
def test_in_a_transaction_nothing_is_done_that_would_hold_up_others(action: Any) -> None:
    job = one()
    with pytest.raises(InTransaction, match="after the commit"), transaction.atomic():
        action(job)
    assert Waiting.objects.count() == 1


def test_all_of_it_can_be_awaited() -> None:
    ada = make_user("ada")

    async def story() -> None:
        job = await queueapp.asubmit(ada, "wait", duration=1, job_id="a")
        (other,) = await queueapp.asubmit_many(ada, [{"duration": 1}])
        with pytest.raises(WaitTimeout):
            await job.await_(timeout=0.03)
        assert await other.acancel()
        await other.aretry()
        with pytest.raises(NotMovable, match="would delay others"):
            await job.amove("front")
        assert await job.acancel()
        assert (await job.await_()).status == "cancelled"
        assert (await queueapp.aget(ada, "a")).status == "cancelled"
        assert (await other.arefresh()).status == "queued"

    async_to_sync(story)()


def test_all_names_are_there() -> None:
    assert all(hasattr(queueapp, name) for name in queueapp.__all__)
