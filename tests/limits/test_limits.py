"""How much is too much: requests, submissions, waiting jobs, bodies, streams. Each is refused in the same manner."""

from __future__ import annotations

import json
import socket
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import httpx
import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings
from rest_framework.test import APIClient

from queueapp.api.bulk import bulk_turn
from queueapp.api.parsers import has_more_values
from queueapp.errors import BacklogFull
from queueapp.http.body_limit import BodyLimit
from queueapp.lifecycle import quota
from queueapp.limits import rate_limit
from queueapp.limits.models import Allowance
from queueapp.models import Job, Waiting
from tests.kit.api import assert_problem, client_of, submit
from tests.kit.queue import make_user, submit_jobs
from tests.kit.site import Site

LIMITS = ("SUBMISSIONS_PER_MINUTE", "REQUESTS_PER_MINUTE", "LOGINS_PER_MINUTE", "MAX_WAITING_JOBS")


@pytest.fixture
def limit(settings: Settings) -> Iterator[Callable[..., None]]:
    """Sets some of the queue's settings, with no limit but these."""

    def set_limits(**limits: int) -> None:
        settings.QUEUEAPP = settings.QUEUEAPP | dict.fromkeys(LIMITS, 0) | limits
        quota.forget_counts()

    yield set_limits
    quota.forget_counts()


@pytest.mark.django_db
class TestBuckets:
    def test_as_many_at_once_as_a_minute_has_and_then_one_by_one(self) -> None:
        assert [rate_limit.take("test", "ada", 3) for _ in range(3)] == [0, 0, 0]
        assert 19 < rate_limit.take("test", "ada", 3) <= 20
        assert rate_limit.take("test", "bob", 3) == 0, "each has an allowance of their own"
        assert rate_limit.take("other", "ada", 3) == 0

    def test_being_refused_costs_nothing(self) -> None:
        for _ in range(60):
            wait = rate_limit.take("test", "ada", 1)
        assert wait <= 60

    def test_of_a_large_one_each_can_be_taken_once(self) -> None:
        assert [rate_limit.take("test", "eve", 1_000) for _ in range(1_000)] == [0] * 1_000
        tries = [rate_limit.take("test", "eve", 1_000) for _ in range(100)]
        assert 0 < tries[-1] <= 0.06, "what a minute has was used up; since then only a few more have come"

    def test_processes_share_a_large_one(self, monkeypatch: pytest.MonkeyPatch) -> None:
        let_in = 0
        hands: list[dict[str, Any]] = [{}, {}, {}]
        for hand in hands:  # what each of three processes has taken and not used
            monkeypatch.setattr(rate_limit, "_in_hand", hand)
            let_in += sum(rate_limit.take("test", "ada", 1_000) == 0 for _ in range(405))
        assert 980 <= let_in < 1_100

    @pytest.mark.parametrize("per_minute", [30, 6_000])
    def test_what_is_left_is_told_with_each(self, per_minute: int) -> None:
        took = [rate_limit.take_one("test", "eve", per_minute) for _ in range(25)]
        assert took[0].left == per_minute - 1
        assert all(per_minute - n <= (took[n - 1].left or 0) < per_minute for n in range(1, 26)), (
            "what comes back is left, too"
        )
        assert all(0 <= one.full_in <= 60 for one in took)
        assert {one.wait for one in took} == {0}

    def test_no_more_are_left_than_there_may_be(self, monkeypatch: pytest.MonkeyPatch) -> None:
        long_ago = rate_limit._Batch(left=9, full_at=0.0)
        monkeypatch.setattr(rate_limit, "_in_hand", {"test:eve": long_ago})
        assert rate_limit.take_one("test", "eve", 6_000) == (0.0, 6_000, 0.0)

    def test_a_clock_that_was_set_back_shuts_nobody_out(self) -> None:
        Allowance.objects.create(key="test:ada", whole_at=timezone.now() + timedelta(hours=1))
        assert [rate_limit.take("test", "ada", 3) for _ in range(3)] == [0, 0, 0]
        assert 19 < rate_limit.take("test", "ada", 3) <= 20

    def test_no_limit_leaves_no_trace(self) -> None:
        assert rate_limit.take("test", "ada", 0) == 0
        assert not Allowance.objects.exists()

    def test_what_is_whole_again_is_forgotten(self, monkeypatch: pytest.MonkeyPatch) -> None:
        rate_limit.take("test", "long ago", 60_000_000)
        monkeypatch.setattr(rate_limit, "CLEAN_ONE_IN", 1)
        rate_limit.take("test", "now", 1)
        assert [bucket.key for bucket in Allowance.objects.all()] == ["test:now"]


@pytest.mark.django_db
class TestThrottles:
    def test_submissions(self, limit: Callable[..., None]) -> None:
        api = client_of(make_user("ada"))
        limit(SUBMISSIONS_PER_MINUTE=2)
        assert submit(api).status_code == 201
        assert (
            api.post("/api/v1/jobs/bulk/", {"jobs": [{"job_id": "b", "duration": 1}]}, format="json").status_code == 201
        )
        refused = submit(api, job_id="j2")
        assert_problem(refused, 429)
        assert int(refused["Retry-After"]) in {29, 30}
        assert Job.objects.count() == 2
        assert api.get("/api/v1/queue/").status_code == 200, "looking is another allowance"
        assert submit(client_of(make_user("bob"))).status_code == 201

    def test_answers_tell_what_is_left(self, limit: Callable[..., None]) -> None:
        api = client_of(make_user("ada"))
        limit(REQUESTS_PER_MINUTE=2, SUBMISSIONS_PER_MINUTE=5)
        answers = [api.get("/api/v1/queue/"), api.get("/api/v1/jobs/nobodys/"), api.get("/api/v1/events/")]
        assert [answer.status_code for answer in answers] == [200, 404, 429]
        assert [answer["RateLimit"].partition(";t=")[0] for answer in answers] == [
            f'"request";r={left}' for left in (1, 0, 0)
        ]
        assert {answer["RateLimit-Policy"] for answer in answers} == {'"request";q=2;w=60'}
        assert 30 < int(answers[-1]["RateLimit"].rpartition("=")[2]) <= 60
        assert int(answers[-1]["Retry-After"]) in {29, 30}, "one is there before all are"
        submitted = submit(api)
        assert (submitted["RateLimit-Policy"], submitted["RateLimit"]) == ('"submit";q=5;w=60', '"submit";r=4;t=12')
        limit()
        assert "RateLimit" not in api.get("/api/v1/queue/").headers

    def test_all_other_requests(self, limit: Callable[..., None]) -> None:
        api = client_of(make_user("ada"))
        limit(REQUESTS_PER_MINUTE=3)
        answers = [api.get(f"/api/v1/{path}").status_code for path in ("jobs/", "queue/", "jobs/x/", "jobs/")]
        assert answers == [200, 200, 404, 429]
        assert submit(api).status_code == 201

    def test_pages_too(self, client: Client, limit: Callable[..., None]) -> None:
        client.force_login(make_user("ada"))
        limit(REQUESTS_PER_MINUTE=1)
        assert client.get("/").status_code == 200
        refused = client.get("/")
        assert (refused.status_code, refused["Retry-After"]) == (429, "60")
        assert "Wait 60 seconds" in refused.content.decode()

    def test_what_nobody_is_logged_in_for_counts_by_address(self, limit: Callable[..., None]) -> None:
        limit(REQUESTS_PER_MINUTE=1)
        assert APIClient().get("/api/v1/schema/").status_code == 200
        assert APIClient().get("/api/v1/schema/").status_code == 429
        assert APIClient(REMOTE_ADDR="10.0.0.2").get("/api/v1/schema/").status_code == 200
        v6 = ["2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"]
        assert [APIClient(REMOTE_ADDR=a).get("/api/v1/schema/").status_code for a in v6] == [200, 429, 200]

    @pytest.mark.parametrize("path", ["jobs/", "jobs/x/", "queue/", "events/"])
    @pytest.mark.parametrize("token", ["", "Bearer nonsense", "Bearer tka_nonsense"])
    def test_who_is_not_let_in_counts_too(self, limit: Callable[..., None], path: str, token: str) -> None:
        limit(REQUESTS_PER_MINUTE=2)
        answers = [APIClient(HTTP_AUTHORIZATION=token).get(f"/api/v1/{path}") for _ in range(3)]
        assert [answer.status_code for answer in answers] == [401, 401, 429]
        assert_problem(answers[-1], 429)
        assert APIClient(REMOTE_ADDR="10.0.0.2").get(f"/api/v1/{path}").status_code == 401

    def test_many_at_once_share_one_allowance(self, limit: Callable[..., None]) -> None:
        """As several web processes would: it is one statement of the database."""
        assert sum(rate_limit.take("test", "ada", 10) == 0 for _ in range(30)) == 10


@pytest.mark.django_db
class TestWaitingQuota:
    def test_no_more_wait_than_may(self, limit: Callable[..., None]) -> None:
        api = client_of(make_user("ada"))
        submit_jobs(make_user("bob"), *[f"b{n}" for n in range(9)])
        limit(MAX_WAITING_JOBS=3)
        assert [submit(api, job_id=f"j{n}").status_code for n in range(3)] == [201] * 3
        refused = submit(api, job_id="j3")
        assert_problem(refused, 429)
        assert refused["Retry-After"] == "10"
        assert "At most 3 jobs" in refused.json()["detail"]

    def test_all_of_a_bulk_submission_or_none(self, limit: Callable[..., None]) -> None:
        api = client_of(make_user("ada"))
        limit(MAX_WAITING_JOBS=3)
        jobs = [{"job_id": f"b{n}", "duration": 1} for n in range(4)]
        assert api.post("/api/v1/jobs/bulk/", {"jobs": jobs}, format="json").status_code == 429
        assert not Waiting.objects.exists()
        assert api.post("/api/v1/jobs/bulk/", {"jobs": jobs[:3]}, format="json").status_code == 201

    def test_what_is_sent_again_needs_no_room(self, limit: Callable[..., None]) -> None:
        ada = make_user("ada")
        api = client_of(ada)
        limit(MAX_WAITING_JOBS=2)
        jobs = [{"job_id": f"j{n}", "duration": 1} for n in range(3)]

        def bulk(*some: dict[str, Any]) -> int:
            return api.post("/api/v1/jobs/bulk/", {"jobs": some}, format="json").status_code

        assert submit(api, job_id="j0", duration=1).status_code == 201
        assert bulk(jobs[0], jobs[1]) == 201, "one of them is new, and there is room for it"
        assert submit(api, job_id="j0", duration=1).status_code == 200
        assert_problem(submit(api, job_id="j0", duration=2), 409, "job_id")
        assert bulk(*jobs) == 429
        assert bulk(*jobs[:2]) == 201
        with pytest.raises(BacklogFull):  # whoever submits
            submit_jobs(ada, "j3")
        assert Job.objects.count() == 2

    def test_there_is_room_again_when_a_job_has_begun(
        self, limit: Callable[..., None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(quota, "FULL_CACHE_SECONDS", 0.0)
        api = client_of(make_user("ada"))
        limit(MAX_WAITING_JOBS=1)
        assert [submit(api, job_id=f"j{n}").status_code for n in range(2)] == [201, 429]
        api.delete("/api/v1/jobs/j0/")
        assert submit(api, job_id="j2").status_code == 201

    def test_it_is_the_owners_whoever_submits(self, limit: Callable[..., None]) -> None:
        make_user("ada")
        boss = client_of(make_user("boss", is_staff=True))
        limit(MAX_WAITING_JOBS=1)
        assert [submit(boss, job_id=f"j{n}", user="ada").status_code for n in range(2)] == [201, 429]
        assert submit(boss).status_code == 201

    def test_a_count_is_used_for_many_submissions(
        self, limit: Callable[..., None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        counts: list[int] = []

        def count(user: int, most: int) -> int:
            counts.append(user)
            return 0

        monkeypatch.setattr(quota, "count_waiting", count)
        limit(MAX_WAITING_JOBS=1_000_000)
        for _ in range(100):
            quota.make_room({7: 1_000})
        assert len(counts) == 1


@pytest.mark.django_db
class TestBodies:
    def test_too_large(self, limit: Callable[..., None]) -> None:
        api = client_of(make_user("ada"))
        body = json.dumps({"job_id": "x", "duration": 1, "pad": "x" * 300_000})
        answer = api.post("/api/v1/jobs/", body, content_type="application/json")
        assert_problem(answer, 413)
        assert "262,144" in answer.json()["detail"]

    def test_large_in_bulk_is_not_too_large(self) -> None:
        api = client_of(make_user("ada"))
        body = json.dumps({"jobs": [{"job_id": "x", "duration": 1}]}) + " " * 300_000
        assert api.post("/api/v1/jobs/bulk/", body, content_type="application/json").status_code == 201

    def test_bulk_takes_what_it_promises(self) -> None:
        api = client_of(make_user("ada"))
        jobs = [{"job_id": f"j{n}", "duration": 1, "payload": {}} for n in range(2)]
        body = json.dumps({"jobs": jobs}) + " " * 10_000_000
        assert api.post("/api/v1/jobs/bulk/", body, content_type="application/json").status_code == 201
        over = body + " " * (33_554_433 - len(body))
        assert_problem(api.post("/api/v1/jobs/bulk/", over, content_type="application/json"), 413)

    @pytest.mark.parametrize("many", ["{},", "[],", "1,", '{"a":1},', '"\\\\",', '"'])
    def test_more_values_than_memory_is_spent_on_are_refused_before_they_are_read(self, many: str) -> None:
        api = client_of(make_user("ada"))
        body = '{"jobs": [' + many * 1_000_001
        tracemalloc.start()
        answer = api.post("/api/v1/jobs/bulk/", body, content_type="application/json")
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert_problem(answer, 400)
        assert most < 40_000_000 + 3 * len(body), "the values of it would take more"

    @pytest.mark.parametrize("filling", ["{[,:" * 300_000, "\\" * 300_000, '"' * 300_000])
    def test_text_is_no_values(self, filling: str) -> None:
        assert not has_more_values(json.dumps(["{[,:" * 300_000, filling, "x"]).encode(), 3)
        assert has_more_values(json.dumps(["{[,:" * 300_000, filling, "x"]).encode(), 2)

    def test_bulk_submissions_take_turns(self, limit: Callable[..., None]) -> None:
        api = client_of(make_user("ada"))
        limit(BULK_WAIT_SECONDS=0)
        ask_for = {"jobs": [{"job_id": "x", "duration": 1}]}
        with bulk_turn(), bulk_turn():
            refused = api.post("/api/v1/jobs/bulk/", ask_for, format="json")
            assert submit(api).status_code == 201, "one by one needs no turn"
        assert_problem(refused, 503)
        assert int(refused["Retry-After"]) > 0
        assert api.post("/api/v1/jobs/bulk/", ask_for, format="json").status_code == 201

    def test_a_page_says_so_as_a_page(self, client: Client) -> None:
        answer = client.post("/login/", {"username": "x" * 300_000, "password": "y"})
        assert answer.status_code == 413
        assert answer["Content-Type"].startswith("text/html")

    @pytest.mark.parametrize("body", ["[" * 100_000, "[" * 60 + "]" * 60, '{"a":' * 60 + "1" + "}" * 60])
    def test_nested_too_deeply(self, body: str) -> None:
        api = client_of(make_user("ada"))
        assert_problem(api.post("/api/v1/jobs/", body, content_type="application/json"), 400)

    def test_an_encoding_that_unpacks_is_not_unpacked(self) -> None:
        api = client_of(make_user("ada"))
        bomb = zlib.compress(json.dumps({"job_id": "x", "duration": 1, "payload": {}}).encode())
        assert_problem(api.post("/api/v1/jobs/", bomb, content_type="application/json; charset=zlib"), 415)

    @pytest.mark.parametrize("path", ["jobs/a%00b/", "jobs/?task=%00", "jobs/?user=%00", "nowhere%00/"])
    def test_a_nul_character(self, path: str) -> None:
        boss = client_of(make_user("boss", is_staff=True))
        assert_problem(boss.get(f"/api/v1/{path}"), 400)

    def test_a_nul_character_in_a_name(self) -> None:
        boss = client_of(make_user("boss", is_staff=True))
        assert_problem(submit(boss, user="a\x00"), 400, "user")

    @pytest.mark.parametrize("number", ["1" + "0" * 400, "1" + "0" * 5_000, "1e400", "-1e400"])
    def test_huge_numbers(self, number: str) -> None:
        api = client_of(make_user("ada"))
        body = f'{{"job_id": "x", "duration": {number}}}'
        assert api.post("/api/v1/jobs/", body, content_type="application/json").status_code == 400

    @pytest.mark.parametrize("page_size", ["0", "-1", "1001", "9" * 30, "x", "\u0661"])
    def test_pages_of_no_size(self, page_size: str) -> None:
        api = client_of(make_user("ada"))
        assert_problem(api.get("/api/v1/jobs/", {"page_size": page_size}), 400, "page_size")

    @pytest.mark.parametrize("cursor", ["cD1hYmM=", "cD0lMDA=", "cD05OTk5OTk5OTk5OTk5OTk5OTk5OTk5", "äö"])
    def test_cursors_that_nobody_was_given(self, cursor: str) -> None:
        api = client_of(make_user("ada"))
        assert_problem(api.get("/api/v1/jobs/", {"cursor": cursor}), 404)


def test_a_body_of_unknown_length_is_cut_off_where_it_becomes_too_large() -> None:
    sent: list[Any] = []
    chunks = iter(range(1000))

    async def receive() -> dict[str, Any]:
        next(chunks)
        return {"type": "http.request", "body": b"x" * 10_000, "more_body": True}

    async def send(message: Any) -> None:
        sent.append(message)

    async def application(scope: Any, receive: Any, send: Any) -> None:
        while True:
            await receive()

    scope = {"type": "http", "path": "/api/v1/jobs/", "headers": []}
    with pytest.raises(StopIteration):  # nothing in it waits, so that it comes to its end at once
        BodyLimit(application)(scope, receive, send).__await__().send(None)
    assert sent[0]["status"] == 413
    assert next(chunks) == 27


def test_the_server_itself_reads_no_more(site: Site) -> None:
    site.user("wes")
    with site.client("wes") as client:
        chunked = client.post("jobs/", content=(b"x" * 50_000 for _ in range(10)))
        assert (chunked.status_code, chunked.headers["content-type"]) == (413, "application/problem+json")
    host, port = httpx.URL(site.url).host, site.port
    for path, length in (("jobs/", 262_145), ("jobs/bulk/", 33_554_433)):
        with socket.create_connection((host, port), timeout=10) as connection:
            head = f"POST /api/v1/{path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\n\r\n"
            connection.sendall(head.encode())
            answer = connection.recv(10_000)
            assert answer.startswith(b"HTTP/1.1 413"), "answered before any of it came"


def test_a_user_has_only_so_many_streams(site: Site) -> None:
    site.user("xia")
    with ExitStack() as stack:
        client = stack.enter_context(site.client("xia"))
        address = f"{site.url}/api/v1/events/"
        many = stack.enter_context(httpx.Client(headers=client.headers, limits=httpx.Limits(max_connections=None)))
        streams = [stack.enter_context(many.stream("GET", address)) for _ in range(20)]
        parts = [stream.iter_bytes() for stream in streams]  # kept: a stream whose parts nobody wants is closed
        assert all(next(part).startswith(b"retry:") for part in parts)
        refused = many.get(address)
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "30")
        assert refused.headers["content-type"] == "application/problem+json"
        assert client.get("queue/").status_code == 200, "they take no database connection each"
        streams[0].close()
        site.until(lambda: _opens(many, address), "there is room for another stream")


def _opens(client: httpx.Client, address: str) -> bool:
    with client.stream("GET", address) as answer:
        return answer.status_code == 200
