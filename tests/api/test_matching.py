"""The endpoints that act on all jobs of a filter: their answers, their errors, and what staff leave in the history."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry

from queueapp.api.bulk import bulk_turn
from queueapp.lifecycle import matching
from queueapp.lifecycle.processors import register
from queueapp.lifecycle.turn import take_turn
from queueapp.models import Outcome, Owner, Waiting
from tests.kit.api import assert_problem, client_of
from tests.kit.queue import everyone_takes_turns, make_user, submit_jobs

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> Any:
    everyone_takes_turns()
    return make_user("ada")


def ask(whose: Any, path: str, /, **asked: Any) -> Any:
    return client_of(whose).post(f"/api/v1/jobs/{path}", asked, format="json")


def test_jobs_are_cancelled_and_tried_again_by_one_request_each(ada: Any) -> None:
    submit_jobs(ada, "runs", "a", "b", "c")
    take_turn(register("c").pk)
    submit_jobs(make_user("bob"), "a")
    answer = ask(ada, "cancel/", all=True)
    assert answer.status_code == 200
    assert answer.json() == {"cancelled": 3, "stopping": 1, "unchanged": 0, "more": False}
    answer = ask(ada, "retry/", job_ids=["a", "c", "nobodys"])
    assert answer.status_code == 200
    assert answer.json() == {"retried": 2, "unchanged": 1, "more": False}
    jobs = client_of(ada).get("/api/v1/jobs/").json()["results"]
    assert [(job["job_id"], job["status"], job["stopping"]) for job in jobs] == [
        ("c", "queued", False), ("b", "cancelled", False), ("a", "queued", False), ("runs", "running", True),
    ]  # fmt: skip
    assert Outcome.objects.count() == 1, "nothing of others"


def test_jobs_are_moved_one_by_one_and_by_filter(ada: Any) -> None:
    submit_jobs(ada, "runs", *"abcd")
    take_turn(register("c").pk)
    submit_jobs(make_user("bob"), "a")
    moved = ask(ada, "c/move/", to="front")
    assert (moved.status_code, moved.json()["position"]) == (200, 1)
    answer = ask(ada, "move/", to="back", job_ids=["a", "c", "runs", "nobodys"])
    assert answer.json() == {"moved": 2, "unchanged": 2}
    queue = client_of(ada).get("/api/v1/queue/").json()
    assert [(job["job_id"], job["position"]) for job in queue["waiting"]] == [("b", 1), ("d", 2), ("c", 3), ("a", 4)]
    assert "a processor has taken" in assert_problem(ask(ada, "runs/move/", to="back"), 409)["detail"]
    assert_problem(ask(ada, "nobodys/move/", to="back"), 404)


@pytest.mark.parametrize(
    ("path", "asked", "field"),
    [
        ("a/move/", {}, "to"),
        ("a/move/", {"to": "middle"}, "to"),
        ("a/move/", {"to": "front", "by": 2}, "by"),
        ("move/", {"all": True}, "to"),
        ("move/", {"to": "front"}, "filter"),
        ("move/", {"to": "front", "status": "queued"}, "status"),
    ],
)
def test_what_is_wrong_with_a_move_is_named(ada: Any, path: str, asked: dict[str, Any], field: str) -> None:
    submit_jobs(ada, "b", "a")
    assert_problem(ask(ada, path, **asked), 400, field)
    assert not Waiting.objects.filter(moved_to__isnull=False).exists()


def test_in_a_line_with_others_a_move_is_refused(no_rules: None) -> None:
    bob = make_user("bob")
    submit_jobs(bob, "a", "b")
    for path, asked in (("b/move/", {}), ("move/", {"all": True})):
        assert "would delay others" in assert_problem(ask(bob, path, to="front", **asked), 409)["detail"]


def test_more_jobs_than_one_request_moves_are_refused(ada: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matching, "MAX_MOVED", 2)
    submit_jobs(ada, *"abc")
    assert (
        "more than 2" in assert_problem(ask(ada, "move/", to="back", all=True), 400, "filter")["errors"][0]["message"]
    )
    assert ask(ada, "move/", to="back", job_ids=["a", "b"]).json() == {"moved": 2, "unchanged": 0}


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({}, "filter"),
        ({"statsu": "queued"}, "statsu"),
        ({"status": "succeeded"}, "status"),
        ({"prefix": None}, "prefix"),
        ({"prefix": ""}, "prefix"),
        ({"all": False}, "all"),
        ({"all": True, "user": "ada"}, "user"),
        ({"job_ids": ["a", "no/name"]}, "job_ids.1"),
        ({"job_ids": ["a"] * 10_001}, "job_ids"),
        ({"submitted_before": "2030-01-31T08:00:00"}, "submitted_before"),
        ({"submitted_after": 7}, "submitted_after"),
    ],
)
def test_what_is_wrong_with_a_filter_is_named_and_nothing_is_done(ada: Any, asked: dict[str, Any], field: str) -> None:
    submit_jobs(ada, "a")
    for path in ("cancel/", "retry/"):
        assert "filter" in assert_problem(ask(ada, path, **asked), 400, field)["detail"]
    assert Waiting.objects.count() == 1


def test_of_many_errors_the_first_are_named(ada: Any) -> None:
    assert len(ask(ada, "cancel/", job_ids=["/"] * 10_000).json()["errors"]) == 100


def test_ten_thousand_long_names_are_taken(ada: Any) -> None:
    answer = ask(ada, "cancel/", job_ids=[f"{n:0>200}" for n in range(10_000)])
    assert answer.json() == {"cancelled": 0, "stopping": 0, "unchanged": 10_000, "more": False}


def test_staff_name_a_user_or_a_key_as_for_one_job_and_it_is_noted(ada: Any) -> None:
    submit_jobs(ada, "a", "b")
    submit_jobs(Owner.objects.of_key("team"), "t")
    boss = make_user("boss", is_staff=True)
    submit_jobs(boss, "mine")
    assert ask(boss, "cancel/?user=ada", prefix="a", status="queued").json()["cancelled"] == 1
    assert ask(boss, "retry/?user=ada", all=True).json()["retried"] == 1
    assert ask(boss, "cancel/?key=team", job_ids=["t"] * 1_000).json()["cancelled"] == 1
    assert ask(boss, "cancel/", all=True).json()["cancelled"] == 1
    assert_problem(ask(boss, "cancel/?user=nobody", all=True), 400, "user")
    first, second, third = LogEntry.objects.order_by("pk").values_list("user", "object_repr", "change_message")
    named = '{"prefix":"a","status":"queued"}'
    assert first == (boss.pk, "ada", f"Cancelled through the API: the jobs that match {named}.")
    assert second == (boss.pk, "ada", 'Tried again through the API: the jobs that match {"all":true}.')
    assert third[:2] == (boss.pk, "team")
    assert len(third[2]) < 1_100


def test_nobody_else_may_name_another(ada: Any) -> None:
    submit_jobs(ada, "a")
    for path in ("cancel/", "retry/"):
        assert_problem(ask(make_user(path[:3]), f"{path}?user=ada", all=True), 403)
    assert Waiting.objects.count() == 1


@pytest.mark.parametrize("name", ["cancel", "retry"])
def test_no_job_has_the_name_of_an_address(ada: Any, name: str) -> None:
    assert_problem(client_of(ada).post("/api/v1/jobs/", {"job_id": name, "duration": 1}, format="json"), 400, "job_id")


def test_they_count_as_one_submission_and_wait_for_their_turn_to_be_read(ada: Any, settings: Any) -> None:
    settings.QUEUEAPP = settings.QUEUEAPP | {"BULK_WAIT_SECONDS": 0, "SUBMISSIONS_PER_MINUTE": 2}
    with bulk_turn(), bulk_turn():
        assert_problem(ask(ada, "cancel/", all=True), 503)
    assert ask(ada, "retry/", all=True).status_code == 200
    assert_problem(ask(ada, "cancel/", all=True), 429)
