"""Clients that wait for the end of a job: with a real web server and cluster, and the hub alone."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from queueapp.events import hub as hub_module
from queueapp.events import job_wait
from queueapp.events.hub import Hub
from queueapp.events.job_wait import JobWaitMiddleware
from queueapp.events.job_watches import JobWatches
from queueapp.lifecycle.processors import register
from queueapp.models import Job
from tests.kit.queue import everyone_takes_turns, in_thread, make_owner, run_all, submit_jobs
from tests.kit.site import Site

NEVER = "2100-01-01T00:00:00Z"
SOON = 20.0
"""Seconds within which what waits in this process must be told."""


def client_of(site: Site, name: str) -> httpx.Client:
    """A client of a new user. It gives up long before a wait of 60 seconds is over."""
    return site.client(site.user(f"{name}-{uuid.uuid4().hex[:6]}")[0])


class TestOfASite:
    def test_the_answer_comes_when_the_job_ends(self, site: Site) -> None:
        with client_of(site, "ada") as api:
            api.post("jobs/", json={"job_id": "j1", "duration": 0.5}).raise_for_status()
            ended = api.get("jobs/j1/?wait=60").json()
            assert (ended["status"], ended["progress"]) == ("succeeded", 1.0)
            assert api.get("jobs/j1/?wait=60").json() == ended, "it has ended: there is nothing to wait for"

    def test_the_answer_comes_when_the_time_is_over(self, site: Site) -> None:
        with client_of(site, "ben") as api:
            api.post("jobs/", json={"job_id": "j1", "duration": 1, "run_at": NEVER}).raise_for_status()
            first = api.get("jobs/j1/?wait=1")
            assert first.json()["status"] == "queued"
            again = api.get("jobs/j1/?wait=1", headers={"If-None-Match": first.headers["ETag"]})
            assert (again.status_code, again.content) == (304, b"")
            assert api.get("jobs/j1/?wait=0").json()["status"] == "queued"

    def test_what_is_no_wait_is_refused_and_what_is_not_ones_own_is_not_waited_for(self, site: Site) -> None:
        with client_of(site, "cleo") as api:
            for wrong in ("61", "-1", "1.5", "", "x"):
                answer = api.get(f"jobs/j1/?wait={wrong}")
                assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "wait")
            assert api.get("jobs/j1/?wait=60").status_code == 404
            assert api.get("jobs/?wait=1").status_code == 400
            assert httpx.get(f"{site.url}/api/v1/jobs/j1/?wait=60", timeout=20).status_code == 401

    def test_many_who_wait_hold_up_nobody_and_all_hear_of_the_end(self, site: Site) -> None:
        many = 80
        with client_of(site, "dora") as api:
            api.post("jobs/", json={"job_id": "j1", "duration": 1, "run_at": NEVER}).raise_for_status()
            token = api.headers["Authorization"]

        async def wait_together() -> list[dict[str, Any]]:
            limits = httpx.Limits(max_connections=many + 5)
            async with httpx.AsyncClient(
                base_url=f"{site.url}/api/v1/", headers={"Authorization": token}, limits=limits, timeout=40
            ) as client:
                waiting = [asyncio.create_task(client.get("jobs/j1/?wait=60")) for _ in range(many)]
                for _ in range(20):  # more than the database connections that the process has
                    (await client.get("queue/")).raise_for_status()
                assert not any(task.done() for task in waiting)
                waiting.pop().cancel()  # a client that leaves takes nobody along
                (await client.delete("jobs/j1/")).raise_for_status()
                return [answer.json() for answer in await asyncio.gather(*waiting)]

        answers = asyncio.run(wait_together())
        assert [answer["status"] for answer in answers] == ["cancelled"] * (many - 1)


@pytest.mark.usefixtures("no_rules")
def test_an_end_that_nobody_announced_is_seen_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "RECHECK_EVERY", 0.2)
    everyone_takes_turns()
    ada = make_owner("ada")
    submit_jobs(ada, "j1")
    job = Job.objects.get(name="j1").pk

    async def wait() -> bool:
        hub = Hub()
        waiting = asyncio.create_task(hub.job_end(ada.pk, job, 30))
        await asyncio.sleep(0)
        await asyncio.to_thread(in_thread, lambda: run_all(processor))
        await waiting
        return not hub.watches.owners

    processor = register("c").pk
    assert asyncio.run(asyncio.wait_for(wait(), SOON)), "nothing is left of it"


class Django:
    """An application that has job 1 of owner 1 waited for, and notes each time it answers whether it could."""

    def __init__(self) -> None:
        self.could_wait: list[bool] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        assert (await receive())["type"] == "http.request"
        self.could_wait.append("queueapp.wait" in scope)
        if self.could_wait[-1]:
            scope["queueapp.wait"].job, scope["queueapp.wait"].seconds = (1, 1), 60
        await send({"type": "http.response.start", "status": 200, "headers": []})


def answers(django: Django, *then: str) -> int:
    """How often a client is answered that asks for a wait, and of which the server says this then."""
    begin = {"type": "http.request", "body": b"", "more_body": False}
    said: Iterator[dict[str, Any]] = iter([begin, *({"type": name} for name in then)])
    sent = []

    async def receive() -> dict[str, Any]:
        return next(said)

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": "/api/v1/jobs/j1/", "query_string": b"wait=60"}
    asyncio.run(asyncio.wait_for(JobWaitMiddleware(django)(scope, receive, send), SOON))
    return len(sent)


def test_a_client_beyond_the_bound_is_answered_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_wait, "MAX_WAITS", 0)
    django = Django()
    assert answers(django) == 1
    assert django.could_wait == [True, False]


@pytest.mark.django_db
def test_a_client_that_leaves_is_not_asked_for_again() -> None:
    django = Django()
    assert answers(django, "http.disconnect") == 0
    assert django.could_wait == [True]


def test_only_the_jobs_of_owners_who_changed_are_looked_at() -> None:
    async def watch() -> None:
        watches = JobWatches()
        first, second, other = watches.add(1, 10), watches.add(1, 11), watches.add(2, 20)
        assert sorted(watches.take()) == [10, 11, 20], "each is looked at once: it may have ended already"
        watches.note([1, 3])
        assert sorted(watches.take()) == [10, 11]
        assert not watches.changed
        watches.end({10, 20, 30})
        assert (first.done(), second.done(), other.done()) == (True, False, True)
        watches.remove(1, 10, first)
        watches.remove(2, 20, other)
        assert (list(watches.owners), watches.count(1), watches.count(2)) == ([1], 1, 0)
        watches.remove(2, 20, other)

    asyncio.run(watch())
