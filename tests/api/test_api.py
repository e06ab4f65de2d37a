"""Every endpoint, its answers and its errors. stories/test_journey.py has the same API with a real server."""

from __future__ import annotations

import math
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from rest_framework.test import APIClient

from queueapp.lifecycle.processors import heartbeat, register
from queueapp.lifecycle.turn import take_turn
from queueapp.models import Owner, Pause
from tests.kit.api import JOB_FIELDS, assert_problem, client_of, submit
from tests.kit.queue import everyone_takes_turns, make_user, settle, submit_jobs

pytestmark = pytest.mark.django_db


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
