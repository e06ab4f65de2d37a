"""Every endpoint, its answers and its errors. stories/test_journey.py has the same API with a real server."""

from __future__ import annotations

import math
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from rest_framework.test import APIClient

from queueapp.lifecycle.processors import heartbeat, register
from queueapp.lifecycle.turn import take_turn
from queueapp.models import Job, Owner, Pause, Waiting
from tests.kit.api import assert_problem, client_of, submit
from tests.kit.queue import everyone_takes_turns, make_user, settle, submit_jobs

pytestmark = pytest.mark.django_db

JOB_FIELDS = {
    "job_id", "user", "key", "task", "duration", "payload", "status", "position", "progress", "message", "time_spent",
    "attempt", "submitted_at", "started_at", "finished_at", "result", "error", "attempts", "stopping", "time_limit",
    "run_at", "payload_omitted", "result_omitted", "memory_limit",
}  # fmt: skip


@pytest.fixture
def ada() -> Any:
    return make_user("ada")


@pytest.fixture
def api(ada: Any) -> APIClient:
    return client_of(ada)


OF_TOKENS = [pytest.param(path, marks=pytest.mark.site) for path in ("token/", "token/refresh/")]


@pytest.mark.site
class TestTokens:
    def test_blanks_are_a_part_of_a_password(self) -> None:
        user = make_user("ada")
        user.set_password(" spaced out ")
        user.save()
        answers = [
            APIClient().post("/api/v1/token/", {"username": "ada", "password": password}, format="json").status_code
            for password in (" spaced out ", "spaced out", " ")
        ]
        assert answers == [200, 401, 401]

    def test_refresh_gives_a_new_access_token(self, ada: Any) -> None:
        client = APIClient()
        login = {"username": "ada", "password": "turnabout-test"}
        tokens = client.post("/api/v1/token/", login, format="json").json()
        again = client.post("/api/v1/token/refresh/", {"refresh": tokens["refresh"]}, format="json")
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {again.json()['access']}")
        assert client.get("/api/v1/jobs/").status_code == 200

    def test_wrong_password(self, ada: Any) -> None:
        login = {"username": "ada", "password": "wrong"}
        assert_problem(APIClient().post("/api/v1/token/", login, format="json"), 401)

    def test_missing_field(self) -> None:
        assert_problem(APIClient().post("/api/v1/token/", {"username": "x"}, format="json"), 400, "password")

    def test_a_bad_token(self) -> None:
        client = APIClient(HTTP_AUTHORIZATION="Bearer nonsense")
        answer = client.get("/api/v1/jobs/")
        assert_problem(answer, 401)
        assert answer["WWW-Authenticate"].startswith("Bearer")

    @pytest.mark.parametrize("path", ["jobs/", "jobs/x/", "queue/"])
    def test_nothing_without_one(self, path: str) -> None:
        assert_problem(APIClient().get(f"/api/v1/{path}"), 401)

    def test_a_session_does_too_and_needs_the_csrf_token_to_change_anything(self, ada: Any) -> None:
        client = APIClient(enforce_csrf_checks=True)
        client.force_login(ada)
        assert client.get("/api/v1/queue/").status_code == 200
        assert_problem(submit(client), 403)


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


class TestLook:
    def test_nobody_sees_or_cancels_anothers_job(self, api: APIClient) -> None:
        submit_jobs(make_user("bob"), "secret")
        assert_problem(api.get("/api/v1/jobs/secret/"), 404)
        assert_problem(api.delete("/api/v1/jobs/secret/"), 404)
        assert api.get("/api/v1/jobs/").json()["results"] == []
        assert api.get("/api/v1/queue/").json()["waiting"] == []
        assert_problem(api.get("/api/v1/jobs/secret/?user=bob"), 403)

    def test_what_staff_do_with_a_users_jobs_is_in_the_admins_history(self, api: APIClient, ada: Any) -> None:
        boss = make_user("boss", is_staff=True)
        staff = client_of(boss)
        submit(staff, user="ada")
        staff.delete("/api/v1/jobs/j1/?user=ada")
        staff.post("/api/v1/jobs/j1/retry/?user=ada")
        mine = [{"job_id": "mine", "duration": 1}]
        theirs = [{"job_id": f"b{number}", "duration": 1, "user": "ada"} for number in range(2)]
        staff.post("/api/v1/jobs/bulk/", {"jobs": [*mine, *theirs]}, format="json")
        submit(api, job_id="own")
        api.delete("/api/v1/jobs/own/")
        noted = LogEntry.objects.order_by("pk").values_list("user", "object_repr", "change_message")
        assert list(noted) == [
            (boss.pk, "ada", "Submitted 1 job in this name."),
            (boss.pk, "j1", "Cancelled through the API."),
            (boss.pk, "j1", "Tried again through the API."),
            (boss.pk, "ada", "Submitted 2 jobs in this name."),
        ]

    def test_staff_look_at_a_users_job(self) -> None:
        submit_jobs(make_user("bob"), "theirs")
        staff = client_of(make_user("boss", is_staff=True))
        assert staff.get("/api/v1/jobs/theirs/?user=bob").json()["user"] == "bob"
        assert_problem(staff.get("/api/v1/jobs/theirs/"), 404)

    def test_staff_look_at_a_users_queue(self, api: APIClient) -> None:
        submit_jobs(make_user("bob"), "theirs")
        staff = client_of(make_user("boss", is_staff=True))
        queue = staff.get("/api/v1/queue/?user=bob").json()
        assert (queue["user"], [job["job_id"] for job in queue["waiting"]]) == ("bob", ["theirs"])
        assert api.get("/api/v1/queue/?user=ada").json()["user"] == "ada", "one's own name may be given"
        assert_problem(api.get("/api/v1/queue/?user=bob"), 403)
        for path in ("queue", "jobs", "jobs/theirs"):
            detail = assert_problem(staff.get(f"/api/v1/{path}/?user=nobody"), 400, "user")["detail"]
            assert "query" in detail, "nothing was submitted"

    def test_pages_newest_first(self, api: APIClient, ada: Any) -> None:
        submit_jobs(ada, *[f"j{n}" for n in range(25)])
        seen, address = [], "/api/v1/jobs/?page_size=10"
        while address:
            page = api.get(address).json()
            seen.append([job["job_id"] for job in page["results"]])
            address = page["next"]
        assert [len(page) for page in seen] == [10, 10, 5]
        assert [name for page in seen for name in page] == [f"j{n}" for n in reversed(range(25))]

    def test_filters(self, api: APIClient, ada: Any) -> None:
        submit_jobs(ada, "w")
        submit(api, job_id="c", task="checksum", payload={"path": "hello.txt"})
        api.delete("/api/v1/jobs/w/")
        by = {
            query: [job["job_id"] for job in api.get(f"/api/v1/jobs/?{query}").json()["results"]]
            for query in ("status=cancelled", "status=queued", "status=running", "task=checksum", "task=none")
        }
        assert by == {
            "status=cancelled": ["w"], "status=queued": ["c"], "status=running": [], "task=checksum": ["c"],
            "task=none": [],
        }  # fmt: skip
        assert_problem(api.get("/api/v1/jobs/?status=done"), 400, "status")

    def test_a_bad_cursor(self, api: APIClient) -> None:
        assert_problem(api.get("/api/v1/jobs/?cursor=nonsense"), 404)

    def test_cancel_once(self, api: APIClient) -> None:
        submit(api)
        answer = api.delete("/api/v1/jobs/j1/")
        assert answer.status_code == 200
        assert (answer.json()["status"], answer.json()["started_at"]) == ("cancelled", None)
        assert_problem(api.delete("/api/v1/jobs/j1/"), 409)

    @pytest.mark.parametrize("path", ["jobs/none/", "nowhere/", "jobs/a%2Fb/"])
    def test_unknown_addresses(self, api: APIClient, path: str) -> None:
        assert_problem(api.get(f"/api/v1/{path}"), 404)

    def test_a_wrong_method_says_which_are_right(self, api: APIClient) -> None:
        answer = api.put("/api/v1/jobs/", {}, format="json")
        assert_problem(answer, 405)
        assert "POST" in answer["Allow"]


@pytest.mark.usefixtures("no_rules")
class TestWhileItRuns:
    def test_a_running_job_shows_its_progress_and_its_time(self, ada: Any) -> None:
        api = client_of(ada)
        submit_jobs(ada, "j1", "j2", duration=10)
        processor = register("c").pk
        turn = take_turn(processor)
        heartbeat(processor, turn.number, elapsed=2, progress=0.25, message="a quarter")
        queue = api.get("/api/v1/queue/").json()
        (running,), (waiting,) = queue["running"], queue["waiting"]
        assert (running["job_id"], running["status"], running["progress"]) == ("j1", "running", 0.25)
        assert (running["message"], running["attempt"], running["position"]) == ("a quarter", 1, None)
        assert running["time_spent"] > 0
        assert api.get("/api/v1/jobs/j1/").json()["time_spent"] > running["time_spent"]
        assert (waiting["job_id"], waiting["position"]) == ("j2", 1)
        assert waiting["estimated_start"] > queue["time"]
        assert queue["processors"] == {"alive": 1, "busy": 1, "starting": 0}
        assert queue["waiting_count"] == 1
        assert [j["job_id"] for j in api.get("/api/v1/jobs/?status=running").json()["results"]] == ["j1"]
        settle(processor, turn, spent=3)
        done = api.get("/api/v1/jobs/j1/").json()
        assert (done["status"], done["progress"], done["position"]) == ("succeeded", 1.0, None)
        assert done["time_spent"] == 3
        assert done["started_at"] < done["finished_at"]

    def test_positions_count_everybody_where_all_are_in_one_line(self, ada: Any) -> None:
        submit_jobs(make_user("bob"), "b1", "b2")
        submit_jobs(ada, "a1")
        assert client_of(ada).get("/api/v1/jobs/a1/").json()["position"] == 3

    def test_a_job_with_a_moment_is_expected_then(self, api: APIClient, ada: Any) -> None:
        for name in ("first", "second"):
            submit(api, job_id=name, run_at="2100-01-31T08:00:00+02:00")
        expected = [job["estimated_start"] for job in api.get("/api/v1/queue/").json()["waiting"]]
        assert expected == ["2100-01-31T06:00:00.000000Z"] * 2
        Pause.objects.create(owner=Owner.objects.of_user(ada), reason="audit")
        expected = [job["estimated_start"] for job in api.get("/api/v1/queue/").json()["waiting"]]
        assert expected == [None] * 2, "nobody knows when staff will resume"

    def test_the_share_owed_follows_weights(self, ada: Any) -> None:
        from queueapp.models import PriorityRule

        everyone_takes_turns()
        PriorityRule.objects.create(name="Premium", weight=3, position=1).users.add(ada)
        submit_jobs(ada, "a")
        submit_jobs(make_user("bob"), "b")
        share = client_of(ada).get("/api/v1/queue/").json()["share"]
        assert math.isclose(share["owed"], 0.75)
        assert (share["flows"], share["weight"], share["flow"]) == (2, 3.0, "ada")


class TestSchema:
    @pytest.mark.site
    def test_the_schema_has_every_endpoint(self) -> None:
        schema = APIClient().get("/api/v1/schema/?format=json").json()
        assert set(schema["paths"]) == {
            f"/api/v1/{path}"
            for path in (
                "token/", "token/refresh/", "token/revoke/", "jobs/", "jobs/bulk/", "jobs/cancel/", "jobs/retry/",
                "jobs/move/", "jobs/{job_id}/", "jobs/{job_id}/retry/", "jobs/{job_id}/move/", "jobs/{job_id}/why/",
                "jobs/{job_id}/log/", "queue/", "use/", "events/", "fleet/", "keys/", "keys/{prefix}/", "webhooks/",
                "webhooks/{webhook}/", "webhooks/{webhook}/rotate/", "webhooks/{webhook}/test/",
                "webhooks/{webhook}/deliveries/", "webhooks/{webhook}/deliveries/{delivery}/send/",
            )
        }  # fmt: skip
        assert set(schema["components"]["schemas"]["Job"]["properties"]) == JOB_FIELDS

    def test_it_names_what_a_cancellation_and_a_busy_site_answer(self) -> None:
        paths = APIClient().get("/api/v1/schema/?format=json").json()["paths"]
        answers = paths["/api/v1/jobs/{job_id}/"]["delete"]["responses"]
        assert answers["202"]["content"]["application/json"]["schema"]["$ref"].endswith("/Job")
        assert "runs" not in answers["409"]["description"]
        for operations in paths.values():
            for operation in operations.values():
                assert "Retry-After" in operation["responses"]["503"]["headers"]

    def test_its_page_loads_nothing_from_elsewhere(self) -> None:
        page = APIClient().get("/api/v1/docs/").content.decode()
        assert "/drf_spectacular_sidecar/" in page
        assert "https://" not in page
