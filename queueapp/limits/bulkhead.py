"""The bulkhead: requests that change something use at most half of a web process's database connections.

Such a request may hold its connection while it waits for a lock, at most for lock_timeout. Reads do not wait for those
locks and keep the other half.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import cast

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS
from django.http import HttpRequest, HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from ..http.addresses import admin_root, api_root, is_below, jobs_page_path, submit_path
from ..http.problems import busy

Answer = Callable[[HttpRequest], HttpResponseBase]
AsyncAnswer = Callable[[HttpRequest], Awaitable[HttpResponseBase]]

WAIT_SECONDS = 2.0
"""Seconds that a request waits for a place before it is answered with 503. It holds no thread and no connection."""


class Bulkhead:
    """At most `places` requests at a time, and of one client at most half. Belongs to one event loop."""

    def __init__(self, places: int) -> None:
        self._all = asyncio.Semaphore(places)
        self._each = max(places // 2, 1)
        self._clients: dict[str, asyncio.Semaphore] = {}
        self._there: dict[str, int] = {}

    @asynccontextmanager
    async def place(self, client: str) -> AsyncIterator[None]:
        """Hold a place until the block ends. Raises TimeoutError if none is free within WAIT_SECONDS."""
        own = self._clients.setdefault(client, asyncio.Semaphore(self._each))
        self._there[client] = self._there.get(client, 0) + 1
        try:
            async with asyncio.timeout(WAIT_SECONDS) as waiting, own, self._all:
                waiting.reschedule(None)
                yield
        finally:
            self._there[client] -= 1
            if not self._there[client]:
                del self._there[client], self._clients[client]


@sync_and_async_middleware
def bulkhead(get_response: Answer | AsyncAnswer) -> Answer | AsyncAnswer:
    """Return the middleware. A server without a pool has a connection per thread and needs no bulkhead."""
    pool = settings.DATABASES[DEFAULT_DB_ALIAS].get("OPTIONS", {}).get("pool")
    if not pool or not iscoroutinefunction(get_response):
        return get_response
    bulkheads: dict[asyncio.AbstractEventLoop, Bulkhead] = {}

    async def answer(request: HttpRequest) -> HttpResponseBase:
        if not changes(request):
            return await cast(AsyncAnswer, get_response)(request)
        here = bulkheads.setdefault(asyncio.get_running_loop(), Bulkhead(max(pool["max_size"] // 2, 1)))
        try:
            async with here.place(_client(request)):
                return await _answered(cast(AsyncAnswer, get_response)(request))
        except TimeoutError:
            return busy(request, TimeoutError("half of the connections are at work for requests that change something"))

    return answer


async def _answered(answer: Awaitable[HttpResponseBase]) -> HttpResponseBase:
    try:
        return await answer
    except asyncio.CancelledError:  # the client has left; wait for the thread, which goes on with its connection
        await sync_to_async(lambda: None)()
        raise


def changes(request: HttpRequest) -> bool:
    """Whether this request may wait for a lock of the queue. Log-in and log-out of the admin never do."""
    admin = admin_root()
    if request.method in {"GET", "HEAD", "OPTIONS"} or is_below(request.path, admin and f"{admin}log"):
        return False
    api = api_root()
    places = (admin, api and f"{api}jobs/", jobs_page_path(), submit_path())
    return any(is_below(request.path, place) for place in places)


def _client(request: HttpRequest) -> str:
    """Return the client's token, session or address: whatever names it without a query."""
    session = request.COOKIES.get(settings.SESSION_COOKIE_NAME)
    return request.headers.get("Authorization") or session or request.META.get("REMOTE_ADDR") or ""
