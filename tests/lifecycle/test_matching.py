"""Cancelling and retrying all jobs that match a filter: which these are, batch by batch, cut off anywhere."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from queueapp.errors import BacklogFull, InvalidFilter
from queueapp.lifecycle import batches, matching, quota
from queueapp.lifecycle.cancel import cancel
from queueapp.lifecycle.job_filter import CancelFilter, RetryFilter, parse_filter
from queueapp.lifecycle.maintenance.schedule import join_due
from queueapp.lifecycle.matching import cancel_matching, try_again_matching
from queueapp.lifecycle.pause import pause
from queueapp.lifecycle.processors import register
from queueapp.lifecycle.turn import take_turn
from queueapp.models import Job, Outcome, Owner, Processor, Waiting
from queueapp.snapshots import completions_after
from queueapp.snapshots.audit import audit
from queueapp.states import Status
from tests.kit.interleaving import Run, Stage
from tests.kit.queue import (
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
def ada() -> Owner:
    everyone_takes_turns()
    return make_owner("ada")


@pytest.fixture
def batches_of_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "BATCH_JOBS", 2)


def cancelled(owner: Owner, **asked: Any) -> dict[str, Any]:
    """What cancelling these jobs comes to."""
    return cancel_matching(owner, parse_filter(CancelFilter, asked)).model_dump()


def tried_again(owner: Owner, **asked: Any) -> dict[str, Any]:
    """What retrying these jobs comes to."""
    return try_again_matching(owner, parse_filter(RetryFilter, asked)).model_dump()


def in_state(status: Status) -> list[str]:
    """The names of the jobs in this state, in the order of submission."""
    return list(Job.objects.in_state(status).order_by("pk").values_list("name", flat=True))


def came(many: int = 0, stopping: int = 0, unchanged: int = 0, more: bool = False) -> dict[str, Any]:
    return {"cancelled": many, "stopping": stopping, "unchanged": unchanged, "more": more}


def came_back(many: int = 0, unchanged: int = 0, more: bool = False) -> dict[str, Any]:
    return {"retried": many, "unchanged": unchanged, "more": more}


def test_ten_thousand_jobs_are_cancelled_and_tried_again_in_ten_transactions_each(ada: Owner) -> None:
    everybody = [f"j{n}" for n in range(10_000)]
    submit_jobs(ada, *everybody)
    with CaptureQueriesContext(connection) as sent:
        assert cancelled(ada, status="queued", prefix="j") == came(10_000)
    assert sum("queueapp_cancel" in query["sql"] for query in sent) == 10
    assert len(sent) < 20
    assert not Waiting.objects.exists()
    told = completions_after({ada.pk: 0}, limit=10_001)
    assert [completion.job["job_id"] for completion in told] == everybody, "each once, in the order of submission"
    with CaptureQueriesContext(connection) as sent:
        assert tried_again(ada, status="cancelled") == came_back(10_000)
    assert sum("queueapp_try_again" in query["sql"] for query in sent) == 10
    assert len(sent) < 30
    assert in_state(Status.QUEUED) == everybody
    assert audit() == []


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ({"all": True}, ["a1", "a2", "b1", "later"]),
        ({"prefix": "a"}, ["a1", "a2"]),
        ({"job_ids": ["b1", "a2", "b1"]}, ["a2", "b1"]),
        ({"task": "wait", "prefix": "b", "status": "queued", "all": True}, ["b1"]),
        ({"task": "checksum"}, []),
        ({"prefix": "%"}, None),
        ({"prefix": "_"}, []),
        ({"submitted_after": "{b1}"}, ["b1", "later"]),
        ({"submitted_before": "{b1}"}, ["a1", "a2"]),
        ({"status": "running"}, []),
    ],
)
def test_which_jobs_a_filter_means(ada: Owner, asked: dict[str, Any], meant: list[str] | None) -> None:
    submit_jobs(make_owner("bob"), "a1", "bobs")
    for some in (("a1", "a2"), ("b1",), ("later",)):
        submit_jobs(ada, *some)
    Waiting.objects.filter(job__name="later").update(flow=None, not_before=datetime.now(UTC) + timedelta(days=1))
    pause("a while", owner=ada)
    moment = Job.objects.get(name="b1").submitted_at.isoformat()
    asked = {name: value.format(b1=moment) if isinstance(value, str) else value for name, value in asked.items()}
    if meant is None:
        with pytest.raises(InvalidFilter):
            parse_filter(CancelFilter, asked)
        return
    assert cancelled(ada, **asked) == came(len(meant))
    assert list(Outcome.objects.order_by("number").values_list("job__name", flat=True)) == meant
    assert not Outcome.objects.exclude(owner=ada).exists(), "nobody else's"
    asked.pop("status", None)
    assert tried_again(ada, **(asked or {"all": True})) == came_back(len(meant))
    assert not Outcome.objects.exists()
    assert audit() == []


@pytest.mark.parametrize("data", [{}, [], None, {"al": True}, {"all": False}, {"task": None}, {"job_ids": []}])
def test_a_filter_that_says_nothing_is_refused(data: Any) -> None:
    for shape in (CancelFilter, RetryFilter):
        with pytest.raises(InvalidFilter) as refused:
            parse_filter(shape, data)
        [field] = {error.field for error in refused.value.errors}
        assert field == (next(iter(data)) if data else "filter")


def test_running_jobs_are_asked_to_stop_unless_only_queued_ones_are_meant(ada: Owner) -> None:
    submit_jobs(ada, "runs", "waits")
    processor = register("c").pk
    turn = take_turn(processor)
    assert names(turn.jobs) == ["runs"]
    assert cancelled(ada, job_ids=["runs", "waits", "unknown"], status="queued") == came(1, unchanged=2)
    assert not Processor.objects.filter(cancelling=True).exists()
    assert cancelled(ada, status="running") == came(stopping=1)
    assert Processor.objects.filter(cancelling=True).values_list("job__name", flat=True).get() == "runs"
    assert cancelled(ada, all=True) == came(stopping=1), "again"
    settle(processor, turn)
    assert cancelled(ada, all=True) == came()
    assert cancelled(ada, prefix="r", job_ids=["runs"]) == came(unchanged=1)
    assert tried_again(ada, job_ids=["runs", "waits"]) == came_back(1, unchanged=1)


def test_a_job_that_is_in_a_turn_and_not_started_is_left_and_said_to_be(ada: Owner) -> None:
    submit_jobs(ada, *[f"t{n}" for n in range(6)], duration=0.005)
    processor = register("c").pk
    turn = take_turn(processor)
    assert len(turn.jobs) == 4
    assert cancelled(ada, all=True) == came(2, stopping=1, more=True)
    settle(processor, turn)
    assert cancelled(ada, all=True) == came()
    assert audit() == []


def test_a_job_that_others_have_locked_is_left_and_the_rest_is_not(ada: Owner) -> None:
    submit_jobs(ada, "a", "locked", "b")
    with second_connection() as theirs:
        theirs.execute("SELECT FROM queueapp_waiting WHERE job_id = %s FOR UPDATE", [Job.objects.get(name="locked").pk])
        assert cancelled(ada, job_ids=["a", "b", "locked"]) == came(2, more=True)
    assert cancelled(ada, all=True) == came(1)
    assert in_state(Status.CANCELLED) == ["a", "locked", "b"]


@pytest.mark.usefixtures("batches_of_two")
@pytest.mark.parametrize("bound", ["MAX_JOBS", "MAX_SECONDS"])
def test_a_request_ends_at_its_bound_and_the_next_one_goes_on(
    ada: Owner, monkeypatch: pytest.MonkeyPatch, bound: str
) -> None:
    monkeypatch.setattr(matching, bound, {"MAX_JOBS": 2, "MAX_SECONDS": 0.0}[bound])
    submit_jobs(ada, *[f"j{n}" for n in range(5)])
    turns = [cancelled(ada, all=True) for _ in range(4)]
    assert turns == [came(2, more=True), came(2, more=True), came(1), came()]
    assert list(Outcome.objects.order_by("number").values_list("job__name", flat=True)) == [f"j{n}" for n in range(5)]
    turns = [tried_again(ada, all=True) for _ in range(4)]
    assert turns == [came_back(2, more=True), came_back(2, more=True), came_back(1), came_back()]


@pytest.mark.usefixtures("batches_of_two")
@pytest.mark.parametrize("again", [False, True], ids=["cancel", "try again"])
def test_wherever_a_request_is_cut_off_whole_batches_are_done_and_the_same_request_goes_on(
    ada: Owner, again: bool
) -> None:
    """Its session is ended before its first statement, before the second, and so on, until it comes to its end."""
    reached = set[int]()
    act = partial(tried_again if again else cancelled, ada, all=True)
    with Stage(2) as stage:
        for before in range(40):
            Job.objects.all().delete()
            submit_jobs(ada, *[f"{before}-{n}" for n in range(5)])
            if again:
                cancelled(ada, all=True)
            run = _cut_off(stage, act, before)
            ended = Outcome.objects.count()
            done = 5 - ended if again else ended
            reached.add(done)
            rest = came_back(5 - done) if again else came(5 - done)
            assert act() == rest, run
            cancelled(ada, all=True)
            if not isinstance(run.results["request"], Exception):
                break
    assert reached == {0, 2, 4, 5}
    assert audit() == []


def _cut_off(stage: Stage, act: Callable[[], Any], before: int) -> Run:
    """Play a request whose session is ended after so many of its steps."""
    pids: list[int] = []

    def request() -> Any:
        pids.append(connection.connection.info.backend_pid)
        return act()

    def cut() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 5000)", pids)

    steps = iter(["request"] * before + ["cut"])
    return stage.run(
        {"request": partial(in_thread, request), "cut": partial(in_thread, cut)},
        lambda able: able.index(name) if (name := next(steps, "request")) in able else 0,
    )


def test_jobs_that_are_tried_again_count_towards_the_quota(
    ada: Owner, batches_of_two: None, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quota, "FULL_CACHE_SECONDS", 0.0)
    submit_jobs(ada, *[f"j{n}" for n in range(5)])
    cancelled(ada, all=True)
    settings.QUEUEAPP = settings.QUEUEAPP | {"MAX_WAITING_JOBS": 3}
    quota.forget_counts()
    assert tried_again(ada, all=True) == came_back(3, more=True), "a batch, and half of the next one"
    with pytest.raises(BacklogFull):
        tried_again(ada, all=True)
    assert in_state(Status.QUEUED) == ["j0", "j1", "j2"]


def test_jobs_that_are_tried_again_run_in_their_old_places_and_are_numbered_on(ada: Owner) -> None:
    submit_jobs(ada, "a", "b", "c")
    processor = register("c").pk
    turn = take_turn(processor)
    failed = replace(outcome(turn.jobs[0], 1.0), status=Status.FAILED, error="it broke")
    take_turn(processor, turn.number, [failed], now=time.monotonic(), more=False)
    cancel(Job.objects.get(name="b"))
    assert tried_again(ada, all=True) == came_back(2)
    assert list(Waiting.objects.order_by("job").values_list("job__name", "attempt")) == [("a", 2), ("b", 1), ("c", 1)]
    join_due()
    assert run_all(processor) == ["a", "b", "c"]
    assert audit() == []
