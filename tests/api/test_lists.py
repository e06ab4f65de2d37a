"""Lists of jobs: filters, order, pages, counts, and answers that have not changed."""

from __future__ import annotations

import re
import time
from itertools import chain
from typing import Any

import pytest
from django.db import connection
from rest_framework.test import APIClient

from queueapp.lifecycle.outcome import JobOutcome
from queueapp.lifecycle.processors import register
from queueapp.lifecycle.turn import take_turn
from queueapp.models import Attempt, Job, Outcome, database_now
from queueapp.models.brief import MAX_BRIEF_ATTEMPTS
from queueapp.snapshots import search
from queueapp.states import Status
from tests.kit.api import assert_problem, client_of, submit
from tests.kit.queue import make_user, settle, submit_jobs

pytestmark = pytest.mark.django_db


def names(api: APIClient, query: str) -> list[str]:
    """The jobs of a page."""
    answer = api.get(f"/api/v1/jobs/?{query}")
    assert answer.status_code == 200, answer.content
    return [job["job_id"] for job in answer.json()["results"]]


def every_name(api: APIClient, query: str, link: str = "next") -> list[list[str]]:
    """The jobs of all pages, page by page."""
    seen, address = [], f"/api/v1/jobs/?{query}"
    while address:
        page = api.get(address).json()
        seen.append([job["job_id"] for job in page["results"]])
        address = page[link]
    return seen


def run_failing(processor: int, error: str) -> None:
    """Take a turn, and fail its jobs with this error."""
    turn = take_turn(processor)
    now = time.monotonic()
    failed = [JobOutcome(job.id, job.owner, Status.FAILED, job.attempt, 0.1, now, error=error) for job in turn.jobs]
    take_turn(processor, turn.number, failed, now=now, more=False)


def test_a_list_has_the_last_attempts_of_a_job_that_had_very_many(ada: Any, api: APIClient) -> None:
    submit_jobs(ada, "many", "few")
    now = database_now()
    for name, attempts in ("many", MAX_BRIEF_ATTEMPTS + 30), ("few", 2):
        job = Job.objects.get(name=name)
        moments = {"started_at": now, "finished_at": now, "time_spent": 0.1}
        Attempt.objects.bulk_create(Attempt(job=job, number=n, **moments) for n in range(1, attempts + 1))
    listed = {job["job_id"]: job["attempts"] for job in api.get("/api/v1/jobs/").json()["results"]}
    assert [one["attempt"] for one in listed["many"]] == list(range(31, MAX_BRIEF_ATTEMPTS + 31))
    assert [one["attempt"] for one in listed["few"]] == [1, 2]
    assert len(api.get("/api/v1/jobs/many/").json()["attempts"]) == MAX_BRIEF_ATTEMPTS + 30


def some_of_each(ada: Any, api: APIClient) -> None:
    """One job of each state: failed, done, gone, runs, waits."""
    processor = register("c").pk
    submit_jobs(ada, "failed", duration=10)
    run_failing(processor, "Disk FULL: 100%_of \\it")
    submit_jobs(ada, "done", duration=10)
    settle(processor, take_turn(processor))
    submit_jobs(ada, "gone", "runs", "waits", duration=10)
    api.delete("/api/v1/jobs/gone/")
    assert [job.name for job in take_turn(processor).jobs] == ["runs"]


class TestFilters:
    def test_each_state_is_listed_and_counted_and_others_jobs_are_neither(self, ada: Any, api: APIClient) -> None:
        some_of_each(ada, api)
        submit_jobs(make_user("bob"), "bobs")
        by = {state: names(api, f"status={state}") for state in Status}
        assert by == {
            "queued": ["waits"], "running": ["runs"], "succeeded": ["done"], "failed": ["failed"],
            "cancelled": ["gone"],
        }  # fmt: skip
        assert names(api, "") == ["waits", "runs", "gone", "done", "failed"]
        assert names(api, "sort=oldest") == ["failed", "done", "gone", "runs", "waits"]
        assert api.get("/api/v1/jobs/").json()["counts"] == dict.fromkeys(Status, 1)

    def test_a_job_in_a_turn_that_has_not_started_is_queued(self, ada: Any, api: APIClient) -> None:
        submit_jobs(ada, "a1", "a2", "a3", duration=0.001)
        assert len(take_turn(register("c").pk).jobs) == 3
        assert names(api, "status=queued") == ["a3", "a2"]
        assert names(api, "status=queued&prefix=a") == ["a3", "a2"]
        assert api.get("/api/v1/jobs/").json()["counts"] | {"running": 1, "queued": 2} == {
            "queued": 2, "running": 1, "succeeded": 0, "failed": 0, "cancelled": 0,
        }  # fmt: skip

    def test_the_text_of_an_error_is_text_and_no_pattern(self, ada: Any, api: APIClient) -> None:
        some_of_each(ada, api)
        assert names(api, "error=disk+full") == ["failed"]
        assert names(api, "error=100%25_of+%5Cit") == ["failed"]
        assert names(api, "error=100%25of") == names(api, "error=disk&status=succeeded") == []

    def test_names_begin_with_a_prefix_whatever_characters_it_has(self, ada: Any, api: APIClient) -> None:
        submit_jobs(ada, "a_1", "ab1", "a~", "a~~", "b", "A_1")
        assert names(api, "prefix=a") == ["a~~", "a~", "ab1", "a_1"]
        assert names(api, "prefix=a_") == ["a_1"]
        assert names(api, "prefix=a~&sort=oldest") == ["a~", "a~~"]
        assert names(api, "prefix=c") == []

    def test_moments_and_task(self, ada: Any, api: APIClient) -> None:
        submit_jobs(ada, "old", "new")
        submit(api, job_id="sum", task="checksum", payload={"path": "hello.txt"})
        submit(client_of(make_user("bob")), job_id="bobs", task="checksum", payload={"path": "hello.txt"})
        Job.objects.filter(name="old").update(submitted_at="2020-01-01T00:00:00Z")
        assert names(api, "submitted_before=2020-01-02T00:00:00Z") == ["old"]
        assert names(api, "submitted_after=2020-01-01T00:00:00Z&submitted_before=2020-01-01T00:00:01Z") == ["old"]
        assert names(api, "submitted_after=2020-01-01T02:00:00%2B01:00") == ["sum", "new"]
        assert names(api, "task=checksum") == ["sum"]
        assert names(api, "task=checksum&status=queued&prefix=s") == ["sum"]
        assert names(api, "task=wait&sort=oldest") == ["old", "new"]

    def test_what_ended_after_a_completion(self, ada: Any, api: APIClient) -> None:
        some_of_each(ada, api)
        first = Outcome.objects.order_by("number").values_list("number", flat=True)[0]
        assert names(api, f"after={first}") == ["gone", "done"]
        assert names(api, f"after={first}&status=failed") == []
        assert names(api, f"after={first - 1}&status=failed") == ["failed"]
        assert names(api, f"after={first}&status=cancelled&prefix=g") == ["gone"]

    @pytest.mark.parametrize(
        ("query", "field"),
        [
            ("status=done", "status"),
            ("prefix=a%2Fb", "prefix"),
            ("prefix=", "prefix"),
            ("error=", "error"),
            ("after=-1", "after"),
            ("after=x", "after"),
            ("after=9999999999999999999999", "after"),
            ("sort=up", "sort"),
            ("submitted_after=yesterday", "submitted_after"),
            ("submitted_before=2030-01-31T08:00:00", "submitted_before"),
            ("job_ids=a", "job_ids"),
            ("page_size=0", "page_size"),
        ],
    )
    def test_what_is_wrong_is_named(self, api: APIClient, query: str, field: str) -> None:
        assert "query" in assert_problem(api.get(f"/api/v1/jobs/?{query}"), 400, field)["detail"]


class TestPages:
    @pytest.mark.parametrize("sort", ["newest", "oldest"])
    def test_forward_and_back_show_the_same(self, ada: Any, api: APIClient, sort: str) -> None:
        submit_jobs(ada, *[f"j{n}" for n in range(25)])
        forward = every_name(api, f"page_size=10&sort={sort}&status=queued")
        in_order = [f"j{n}" for n in range(25)]
        assert [len(page) for page in forward] == [10, 10, 5]
        assert list(chain(*forward)) == (in_order if sort == "oldest" else in_order[::-1])
        last = api.get(f"/api/v1/jobs/?page_size=10&sort={sort}&cursor={Job.objects.get(name=forward[1][-1]).pk}")
        back = every_name(api, last.json()["previous"].partition("?")[2], "previous")
        assert back == [forward[1], forward[0]]

    def test_the_link_header_has_the_addresses_and_only_page_one_has_counts(self, ada: Any, api: APIClient) -> None:
        submit_jobs(ada, *[f"j{n}" for n in range(5)])
        first = api.get("/api/v1/jobs/?page_size=2")
        second = api.get(first.json()["next"])
        assert first["Link"] == f'<{first.json()["next"]}>; rel="next"'
        assert re.findall(r'<([^>]*)>; rel="(\w+)"', second["Link"]) == [
            (second.json()["next"], "next"), (second.json()["previous"], "prev"),
        ]  # fmt: skip
        assert first.json()["counts"]["queued"] == 5
        assert second.json()["counts"] is None
        assert not api.get("/api/v1/jobs/").has_header("Link")

    def test_a_search_that_finds_nothing_at_first_goes_on(
        self, ada: Any, api: APIClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(search, "MAX_SCANNED", 10)
        monkeypatch.setattr(search, "MAX_NARROW", 3)
        submit_jobs(ada, *[f"a{n}" for n in range(4)], *[f"b{n}" for n in range(20)])
        pages = every_name(api, "prefix=a&page_size=3")
        assert list(chain(*pages)) == ["a3", "a2", "a1", "a0"]
        assert pages[:2] == [[], []], "each looked at ten jobs"
        empty = api.get(api.get("/api/v1/jobs/?prefix=a&page_size=3").json()["next"]).json()
        assert not any(every_name(api, empty["previous"].partition("?")[2], "previous"))

    def test_the_neighbours_of_a_page_without_jobs_miss_none(self, ada: Any, api: APIClient) -> None:
        submit_jobs(ada, "j1", "j2")
        for sort, edge in (("newest", "j1"), ("oldest", "j2")):
            beyond = api.get(f"/api/v1/jobs/?sort={sort}&cursor={Job.objects.get(name=edge).pk}").json()
            assert beyond["results"] == []
            assert [job["job_id"] for job in api.get(beyond["previous"]).json()["results"]][-1] == edge

    def test_few_rows_are_read_of_very_many_whatever_the_statistics_say(self, ada: Any, api: APIClient) -> None:
        """The tables are analysed while they are empty, as after a burst."""
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE queueapp_job, queueapp_outcome, queueapp_waiting")
        submit_jobs(ada, *[f"j{n:04}" for n in range(2_000)])
        submit_jobs(make_user("bob"), *[f"b{n:04}" for n in range(2_000)])
        for query in ("", "status=queued", "prefix=j00", "status=succeeded", "task=none"):
            before = _rows_scanned()
            api.get(f"/api/v1/jobs/?{query}&page_size=10".replace("?&", "?"))
            assert _rows_scanned() == before, f"a whole table was read for {query}"


def _rows_scanned() -> int:
    """The rows that this transaction read from whole tables so far."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sum(pg_stat_get_xact_tuples_returned(c.oid)) FROM pg_class c"
            " WHERE relname IN ('queueapp_job', 'queueapp_outcome')"
        )
        return int(cursor.fetchone()[0])


class TestUnchanged:
    @pytest.mark.parametrize("path", ["jobs/", "jobs/j1/"])
    def test_an_answer_that_has_not_changed_is_not_sent_again(self, ada: Any, api: APIClient, path: str) -> None:
        submit_jobs(ada, "j1")
        first = api.get(f"/api/v1/{path}")
        again = api.get(f"/api/v1/{path}", headers={"If-None-Match": first["ETag"]})
        assert (again.status_code, again.content) == (304, b"")
        api.delete("/api/v1/jobs/j1/")
        changed = api.get(f"/api/v1/{path}", headers={"If-None-Match": first["ETag"]})
        assert changed.status_code == 200
        assert changed["ETag"] != first["ETag"]

    def test_what_is_asked_with_a_condition_is_still_submitted(self, api: APIClient) -> None:
        answer = api.post(
            "/api/v1/jobs/", {"job_id": "j1", "duration": 1}, format="json", headers={"If-None-Match": "*"}
        )
        assert answer.status_code == 201


def test_many_that_did_not_succeed_are_counted_up_to_a_bound(
    ada: Any, api: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    from queueapp.snapshots import history

    monkeypatch.setattr(history, "MAX_COUNTED", 2)
    submit_jobs(ada, *[f"j{n}" for n in range(8)])
    assert api.get("/api/v1/jobs/").json()["counts"]["queued"] == 3
    for n in range(3):
        api.delete(f"/api/v1/jobs/j{n}/")
    counts = api.get("/api/v1/jobs/").json()["counts"]
    assert (counts["cancelled"], counts["succeeded"]) == (3, None)
