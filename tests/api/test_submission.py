"""Submission over the API, of one job and of many: what is accepted, and what is refused and why."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from queueapp.models import Job, Owner, Waiting
from tests.kit.api import JOB_FIELDS, assert_problem, client_of, submit
from tests.kit.queue import everyone_takes_turns, make_user

pytestmark = pytest.mark.django_db


class TestSubmit:
    def test_a_new_job(self, api: APIClient) -> None:
        answer = submit(api)
        assert answer.status_code == 201
        job = answer.json()
        assert set(job) == JOB_FIELDS
        assert (job["job_id"], job["user"], job["task"], job["duration"]) == ("j1", "ada", "wait", 1.5)
        assert (job["status"], job["position"], job["time_spent"], job["attempt"]) == ("queued", 1, 0.0, 0)

    def test_the_same_again_is_the_job_as_it_stands(self, api: APIClient) -> None:
        first = submit(api)
        again = submit(api)
        assert again.status_code == 200
        assert again.json() == first.json()
        assert Waiting.objects.count() == 1

    def test_limits_of_its_own_are_shown_with_the_job(self, api: APIClient) -> None:
        limits = {"time_limit": 60.0, "memory_limit": 200.0}
        job = submit(api, **limits).json()
        assert {name: job[name] for name in limits} == limits
        assert submit(api, **limits).status_code == 200
        assert Job.objects.get().memory_limit == 200.0

    @pytest.mark.parametrize(
        "other", [{"duration": 2}, {"memory_limit": 50}, {"task": "checksum", "payload": {"path": "hello.txt"}}]
    )
    def test_other_content_under_the_same_name(self, api: APIClient, other: dict[str, Any]) -> None:
        before = submit(api).json()
        assert_problem(submit(api, **other), 409, "job_id")
        assert api.get("/api/v1/jobs/j1/").json() == before

    def test_the_same_name_of_another_user_is_another_job(self, api: APIClient) -> None:
        submit(api)
        assert submit(client_of(make_user("bob")), duration=9).status_code == 201

    @pytest.mark.parametrize(
        ("fields", "named"),
        [
            ({"duration": 0}, "duration"),
            ({"duration": -1}, "duration"),
            ({"duration": 9e-7}, "duration"),
            ({"duration": 5e-324}, "duration"),
            ({"duration": 604_801}, "duration"),
            ({"duration": "1"}, "duration"),
            ({"duration": None}, "duration"),
            ({"duration": True}, "duration"),
            ({"job_id": ""}, "job_id"),
            ({"job_id": "a b"}, "job_id"),
            ({"job_id": "a/b"}, "job_id"),
            ({"job_id": "bulk"}, "job_id"),
            ({"job_id": ".."}, "job_id"),
            ({"job_id": "x" * 201}, "job_id"),
            ({"job_id": 7}, "job_id"),
            ({"task": "no-such"}, "task"),
            ({"payload": [1]}, "payload"),
            ({"payload": {"seconds": 3}}, "payload.seconds"),
            ({"payload": {"a": "\x00"}}, "payload"),
            ({"task": "checksum"}, "payload.path"),
            ({"task": "checksum", "payload": {"path": 5}}, "payload.path"),
            ({"task": "checksum", "payload": {"path": "../conftest.py"}}, "payload"),
            ({"task": "checksum", "payload": {"path": "/etc/passwd"}}, "payload"),
            ({"task": "checksum", "payload": {"path": "x" * 70_000}}, "payload"),
            ({"memory_limit": 0}, "memory_limit"),
            ({"memory_limit": "50"}, "memory_limit"),
            ({"priority": 9}, "priority"),
        ],
    )
    def test_what_is_refused_names_the_field(self, api: APIClient, fields: dict[str, Any], named: str) -> None:
        assert_problem(submit(api, **fields), 400, named)
        assert not Job.objects.exists()

    @pytest.mark.parametrize("duration", ["NaN", "Infinity", "1e999"])
    def test_numbers_that_are_none(self, api: APIClient, duration: str) -> None:
        body = f'{{"job_id": "j1", "duration": {duration}}}'
        answer = api.post("/api/v1/jobs/", body, content_type="application/json")
        assert answer.status_code == 400
        assert answer["Content-Type"] == "application/problem+json"

    @pytest.mark.parametrize("body", ["", "{", "[]", "null", '"job"', "7", '{"job_id": "\\ud800", "duration": 1}'])
    def test_bodies_that_are_no_job(self, api: APIClient, body: str) -> None:
        answer = api.post("/api/v1/jobs/", body, content_type="application/json")
        assert answer.status_code == 400
        assert answer.json()["status"] == 400

    @pytest.mark.parametrize(
        "path", ["jobs/?statu=failed", "jobs/?search=x", "queue/?x=1", "jobs/x/?y=2", "schema/?z=3", "docs/?w=4"]
    )
    def test_an_unknown_parameter_is_named(self, api: APIClient, path: str) -> None:
        name = path.partition("?")[2].partition("=")[0]
        assert "query" in assert_problem(api.get(f"/api/v1/{path}"), 400, name)["detail"]

    @pytest.mark.parametrize(
        "path",
        [
            "jobs/",
            "jobs/bulk/",
            "jobs/x/retry/",
            *(pytest.param(path, marks=pytest.mark.site) for path in ("token/", "token/refresh/")),
        ],
    )
    def test_an_unknown_parameter_beside_a_body_is_named(self, api: APIClient, path: str) -> None:
        assert_problem(api.post(f"/api/v1/{path}?dry_run=1", {}, format="json"), 400, "dry_run")
        assert_problem(api.put(f"/api/v1/{path}?dry_run=1", {}, format="json"), 405)

    def test_the_events_door_refuses_as_problems(self, api: APIClient) -> None:
        assert_problem(api.get("/api/v1/events/", headers={"Last-Event-ID": "abc"}), 400, "Last-Event-ID")
        assert_problem(api.get("/api/v1/events/?after=-1"), 400, "after")
        assert_problem(api.get("/api/v1/events/?user=bob&after=x"), 400, "user", "after")
        assert_problem(api.get("/api/v1/events/", headers={"Accept": "application/json"}), 406)
        strict = APIClient(enforce_csrf_checks=True)
        assert_problem(strict.post("/api/v1/events/"), 405)

    def test_a_new_job_says_where_it_is(self, api: APIClient) -> None:
        boss = client_of(make_user("boss", is_staff=True))
        for client, fields in ((api, {}), (boss, {"user": "ada"}), (boss, {})):
            answer = submit(client, job_id=f"at:{len(fields)}", **fields)
            assert client.get(answer["Location"]).json()["job_id"] == answer.json()["job_id"]

    def test_nul_is_refused_and_its_escape_as_text_is_not(self, api: APIClient) -> None:
        for number, text in enumerate(["\\u0000", "\\\\u0000", 'a"\\u0000']):
            answer = submit(api, job_id=f"t{number}", task="checksum", payload={"path": text})
            assert answer.status_code == 201, answer.content
        for text in ("\x00", "\\\x00", "\\\\\x00"):
            answer = submit(api, task="checksum", payload={"path": text})
            assert_problem(answer, 400, "payload")
            assert "NUL" in answer.content.decode()

    @pytest.mark.parametrize(
        ("field", "named"),
        [
            ('"payload": {"a": "\\ud800"}', "payload"),
            ('"payload": {"\\ud800": 1}', "payload"),
            ('"user": "\\ud800"', "user"),
            ('"task": "\\ud800"', "task"),
            ('"\\ud800": 1', "job"),
        ],
    )
    def test_text_that_is_not_unicode_is_refused(self, api: APIClient, field: str, named: str) -> None:
        body = f'{{"job_id": "x", "duration": 1, {field}}}'
        assert_problem(api.post("/api/v1/jobs/", body, content_type="application/json"), 400, named)

    @pytest.mark.parametrize("path", ["jobs", "jobs/bulk", "jobs/j/retry", "token"])
    def test_without_the_last_slash_nothing_is_lost_in_a_redirect(self, api: APIClient, path: str) -> None:
        for method in (api.post, api.put, api.delete):
            assert_problem(method(f"/api/v1/{path}", {"job_id": "x", "duration": 1}, format="json"), 404)
        assert api.get("/api/v1/jobs").status_code == 301, "what is only read may be looked for elsewhere"

    def test_seven_days_are_taken(self, api: APIClient) -> None:
        assert submit(api, duration=604_800).status_code == 201

    def test_another_media_type(self, api: APIClient) -> None:
        assert_problem(api.post("/api/v1/jobs/", "job_id=1", content_type="text/plain"), 415)

    def test_for_another_user_only_staff(self, api: APIClient) -> None:
        make_user("bob")
        refused = assert_problem(submit(api, user="bob"), 403)
        assert assert_problem(submit(api, user="nobody"), 403) == refused, "tells whether a user exists"
        staff = client_of(make_user("boss", is_staff=True))
        assert submit(staff, user="bob").json()["user"] == "bob"
        assert_problem(submit(staff, user="nobody"), 400, "user")
        assert submit(api, user="ada").status_code == 201

    def test_for_a_key_only_staff(self, api: APIClient) -> None:
        refused = assert_problem(submit(api, key="team-blue"), 403)
        assert assert_problem(submit(api, user="ada", key="team-blue"), 403) == refused
        everyone_takes_turns()
        staff = client_of(make_user("boss", is_staff=True))
        answer = submit(staff, key="team-blue")
        assert (answer.json()["user"], answer.json()["key"]) == (None, "team-blue")
        assert staff.get(answer["Location"]).json()["key"] == "team-blue"
        assert staff.get("/api/v1/queue/?key=team-blue").json()["share"]["flow"] == "team-blue"
        assert_problem(submit(staff, user="ada", key="team-blue"), 400, "key")
        for key in ("two words", "", "a,b", "team-*", "x" * 201, "queueapp:digests"):
            assert_problem(submit(staff, key=key), 400, "key")
        assert_problem(staff.get("/api/v1/jobs/?key=unknown"), 400, "key")
        assert_problem(staff.get("/api/v1/jobs/?user=ada&key=team-blue"), 400, "key")
        assert_problem(api.get("/api/v1/jobs/?key=team-blue"), 403)
        assert not Owner.objects.filter(key="unknown").exists()


class TestBulk:
    def post(self, api: APIClient, *jobs: Any) -> Any:
        return api.post("/api/v1/jobs/bulk/", {"jobs": list(jobs)}, format="json")

    def test_all_are_accepted_in_their_order(self, api: APIClient) -> None:
        answer = self.post(api, *[{"job_id": f"b{n}", "duration": 1} for n in range(10_000)])
        assert answer.status_code == 201
        assert answer.json() == {"accepted": 10_000, "existing": 0}
        assert [job["position"] for job in api.get("/api/v1/queue/").json()["waiting"]] == list(range(1, 101))
        assert Job.objects.order_by("pk").last().name == "b9999"  # type: ignore[union-attr]

    def test_what_stands_there_is_counted(self, api: APIClient) -> None:
        submit(api)
        again = {"job_id": "j1", "duration": 1.5}
        answer = self.post(api, again, {"job_id": "j2", "duration": 1}, {"job_id": "j2", "duration": 1})
        assert answer.json() == {"accepted": 1, "existing": 2}

    def test_errors_name_the_index_and_the_field_and_nothing_is_accepted(self, api: APIClient) -> None:
        good, bad = {"job_id": "ok", "duration": 1}, {"job_id": "bad", "duration": 0, "task": "none"}
        body = assert_problem(self.post(api, good, bad, "job"), 400, "duration", "job")
        assert [error["index"] for error in body["errors"]] == [1, 2]
        assert not Job.objects.exists()

    def test_a_conflict_names_the_index_and_nothing_is_accepted(self, api: APIClient) -> None:
        submit(api)
        new, other = {"job_id": "new", "duration": 1}, {"job_id": "j1", "duration": 99}
        assert assert_problem(self.post(api, new, other), 409, "job_id")["errors"][0]["index"] == 1
        assert Job.objects.count() == 1

    def test_two_with_one_name_and_other_content_are_a_conflict(self, api: APIClient) -> None:
        assert_problem(self.post(api, {"job_id": "x", "duration": 1}, {"job_id": "x", "duration": 2}), 409, "job_id")
        assert not Job.objects.exists()

    @pytest.mark.parametrize("body", [{}, {"jobs": []}, {"jobs": {}}, [], {"jobs": [], "more": 1}])
    def test_what_is_no_list_of_jobs(self, api: APIClient, body: Any) -> None:
        assert_problem(api.post("/api/v1/jobs/bulk/", body, format="json"), 400, "jobs")

    def test_too_many(self, api: APIClient) -> None:
        assert_problem(self.post(api, *[{"job_id": f"b{n}", "duration": 1} for n in range(10_001)]), 400, "jobs")

    def test_one_line_keeps_the_order_over_all_users_of_a_request(self, no_rules: None) -> None:
        boss = client_of(make_user("boss", is_staff=True))
        users = [make_user(f"u{n}").get_username() for n in range(3)]
        self.post(boss, *[{"job_id": f"j{n}", "duration": 1, "user": users[n % 3]} for n in range(9)])
        places = Waiting.objects.order_by("job").values_list("job__name", flat=True)
        assert list(places) == [f"j{n}" for n in range(9)]

    def test_staff_submit_for_several(self) -> None:
        boss = client_of(make_user("boss", is_staff=True))
        make_user("bob")
        answer = self.post(boss, {"job_id": "x", "duration": 1, "user": "bob"}, {"job_id": "x", "duration": 2})
        assert answer.json() == {"accepted": 2, "existing": 0}
        conflict = self.post(boss, {"job_id": "y", "duration": 1}, {"job_id": "x", "duration": 3, "user": "bob"})
        assert assert_problem(conflict, 409, "job_id")["errors"][0]["index"] == 1
