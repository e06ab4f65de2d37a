"""The bulkhead without a server: how many requests that change something are at work at once, and of whom."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, cast

import pytest
from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.test import RequestFactory

from queueapp.limits import bulkhead as module
from queueapp.limits.bulkhead import bulkhead, changes

View = Callable[[HttpRequest], Awaitable[HttpResponseBase]]
JOBS = "/api/v1/jobs/"


@pytest.fixture(autouse=True)
def pool(monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight connections: four places, of which one client gets two. Nobody waits long for one."""
    set_pool(monkeypatch, 8)
    monkeypatch.setattr(module, "WAIT_SECONDS", 0.05)


def set_pool(monkeypatch: pytest.MonkeyPatch, size: int | None) -> None:
    options = {} if size is None else {"pool": {"min_size": 0, "max_size": size}}
    monkeypatch.setitem(settings.DATABASES["default"], "OPTIONS", options)


def post(client: str = "ada", path: str = JOBS) -> HttpRequest:
    return RequestFactory().post(path, HTTP_AUTHORIZATION=f"Bearer {client}")


class Requests:
    """Sends requests through the bulkhead to a view that answers when it is told to."""

    def __init__(self) -> None:
        self.at_work: list[HttpRequest] = []
        self.finish = asyncio.Event()
        self._begun = asyncio.Condition()
        self._answer = cast(View, bulkhead(self._view))

    async def _view(self, request: HttpRequest) -> HttpResponseBase:
        async with self._begun:
            self.at_work.append(request)
            self._begun.notify_all()
        try:
            await self.finish.wait()
        finally:
            self.at_work.remove(request)
        return HttpResponse("done")

    def send(self, *requests: HttpRequest) -> list[asyncio.Task[HttpResponseBase]]:
        async def answered(request: HttpRequest) -> HttpResponseBase:
            return await self._answer(request)

        return [asyncio.create_task(answered(request)) for request in requests]

    async def begun(self, count: int) -> None:
        """Wait until so many are at work."""
        async with self._begun:
            await self._begun.wait_for(lambda: len(self.at_work) == count)

    async def statuses(self, sent: list[asyncio.Task[HttpResponseBase]]) -> list[int]:
        """Let the view answer, and return the statuses."""
        self.finish.set()
        return [answer.status_code for answer in await asyncio.gather(*sent)]


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 10))


def test_one_client_gets_half_of_the_places_and_leaves_the_rest_to_others() -> None:
    async def work() -> None:
        requests = Requests()
        eager = requests.send(*[post("ada") for _ in range(3)])
        await asyncio.wait(eager, return_when=asyncio.FIRST_COMPLETED)
        other = requests.send(post("bob"), post("bob"))
        await requests.begun(4)
        assert sorted(await requests.statuses(eager)) == [200, 200, 503]
        assert await requests.statuses(other) == [200, 200]

    run(work())


def test_many_clients_together_get_all_places_and_no_more() -> None:
    async def work() -> None:
        requests = Requests()
        sent = requests.send(*[post(f"client-{n}") for n in range(7)])
        await requests.begun(4)
        refused, _ = await asyncio.wait(sent, return_when=asyncio.FIRST_COMPLETED)
        assert {answer.result().status_code for answer in refused} == {503}
        assert len(requests.at_work) == 4
        assert sorted(await requests.statuses(sent)) == [200] * 4 + [503] * 3

    run(work())


def test_who_gets_no_place_in_time_is_told_to_come_again() -> None:
    async def work() -> None:
        requests = Requests()
        sent = requests.send(post(), post())
        await requests.begun(2)
        [late] = await asyncio.gather(*requests.send(post()))
        assert (late.status_code, late.headers["Content-Type"]) == (503, "application/problem+json")
        assert int(late.headers["Retry-After"]) >= 1
        assert await requests.statuses(sent) == [200, 200]
        assert await requests.statuses(requests.send(post())) == [200], "there is a place again"

    run(work())


def test_who_waits_gets_the_next_place_that_becomes_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WAIT_SECONDS", 5.0)

    async def work() -> None:
        requests = Requests()
        sent = requests.send(*[post() for _ in range(6)])
        await requests.begun(2)
        assert await requests.statuses(sent) == [200] * 6

    run(work())


def test_only_the_wait_for_a_place_has_a_bound_and_not_the_work() -> None:
    async def work() -> None:
        requests = Requests()
        sent = requests.send(post())
        await requests.begun(1)
        done, _ = await asyncio.wait(sent, timeout=4 * module.WAIT_SECONDS)
        assert not done
        assert await requests.statuses(sent) == [200]

    run(work())


def test_a_view_that_fails_gives_its_place_back() -> None:
    async def fails(request: HttpRequest) -> HttpResponseBase:
        raise ValueError("it broke")

    async def work() -> None:
        answer = cast(View, bulkhead(fails))
        for _ in range(5):
            with pytest.raises(ValueError, match="it broke"):
                await answer(post())

    run(work())


def test_a_client_that_leaves_at_work_or_while_it_waits_gives_its_place_back() -> None:
    async def work() -> None:
        requests = Requests()
        leaving = requests.send(*[post() for _ in range(4)])
        await requests.begun(2)
        for request in leaving:
            request.cancel()
        gone = await asyncio.gather(*leaving, return_exceptions=True)
        assert all(isinstance(answer, asyncio.CancelledError) for answer in gone)
        sent = requests.send(post(), post())
        await requests.begun(2)
        assert await requests.statuses(sent) == [200, 200]

    run(work())


def test_a_client_that_leaves_keeps_its_place_while_its_thread_holds_a_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    set_pool(monkeypatch, 2)
    begun, finish = threading.Event(), threading.Event()

    def view() -> HttpResponseBase:
        begun.set()
        assert finish.wait(10)
        return HttpResponse("done")

    async def in_its_thread(request: HttpRequest) -> HttpResponseBase:
        return await sync_to_async(view)()

    async def work() -> None:
        answer = cast(View, bulkhead(in_its_thread))

        async def answered(request: HttpRequest) -> HttpResponseBase:
            async with ThreadSensitiveContext():  # as Django does for each request
                return await answer(request)

        leaving = asyncio.create_task(answered(post("ada")))
        await asyncio.to_thread(begun.wait, 10)
        leaving.cancel()
        assert (await answered(post("bob"))).status_code == 503
        assert not leaving.done()
        finish.set()
        with pytest.raises(asyncio.CancelledError):
            await leaving
        assert (await answered(post("bob"))).status_code == 200

    run(work())


def test_reads_go_on_while_all_places_are_taken() -> None:
    async def work() -> None:
        requests = Requests()
        requests.send(*[post(f"client-{n}") for n in range(4)])
        await requests.begun(4)
        reads = requests.send(RequestFactory().get(JOBS), RequestFactory().head(JOBS), post(path="/admin/login/"))
        await requests.begun(7)
        assert await requests.statuses(reads) == [200] * 3

    run(work())


@pytest.mark.parametrize(
    ("method", "path", "waits"),
    [
        ("POST", JOBS, True),
        ("POST", "/api/v1/jobs/bulk/", True),
        ("DELETE", "/api/v1/jobs/j1/", True),
        ("POST", "/api/v1/jobs/j1/retry/", True),
        ("POST", "/admin/queueapp/priorityrule/add/", True),
        ("GET", "/admin/queueapp/priorityrule/add/", False),
        ("OPTIONS", JOBS, False),
        ("POST", "/api/v1/token/", False),
        ("POST", "/login/", False),
        ("POST", "/admin/login/", False),
        ("POST", "/admin/logout/", False),
    ],
)
def test_whoever_may_wait_for_a_lock_of_the_queue_needs_a_place(method: str, path: str, waits: bool) -> None:
    assert changes(RequestFactory().generic(method, path)) is waits


def test_people_at_one_address_are_told_apart_by_token_or_session() -> None:
    async def work() -> None:
        requests = Requests()
        browser = RequestFactory()
        browser.cookies[settings.SESSION_COOKIE_NAME] = "a session"
        sent = requests.send(post(), browser.post(JOBS), browser.post(JOBS), RequestFactory().post(JOBS))
        await requests.begun(4)
        assert await requests.statuses(sent) == [200] * 4

    run(work())


def test_a_server_without_a_pool_makes_nobody_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    set_pool(monkeypatch, None)

    async def work() -> None:
        requests = Requests()
        sent = requests.send(*[post() for _ in range(9)])
        await requests.begun(9)
        assert await requests.statuses(sent) == [200] * 9

    run(work())


def test_the_smallest_pool_has_a_place(monkeypatch: pytest.MonkeyPatch) -> None:
    set_pool(monkeypatch, 1)

    async def work() -> None:
        requests = Requests()
        assert await requests.statuses(requests.send(post())) == [200]

    run(work())
