"""The bulkhead: requests that change something use at most half of the database connections of a web process.

Such a request may hold its connection while it waits for a lock, for lock_timeout at most. Reads do not wait for those
locks, and have the other half.
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

from ..http.body_limit import ADMIN
from ..http.problems import busy

Answer = Callable[[HttpRequest], HttpResponseBase]
AsyncAnswer = Callable[[HttpRequest], Awaitable[HttpResponseBase]]

WAIT = 2.0
"""Seconds that a request waits for its turn, with neither a thread nor a connection, before it is answered by 503."""
CHANGING = ("/api/v1/jobs/", ADMIN)
LOGIN = f"{ADMIN}log"  # in and out, which wait for nobody


class Bulkhead:
    """So many requests at a time, and of one client at most half of them. Belongs to one event loop."""

    def __init__(self, places: int) -> None:
        self._all = asyncio.Semaphore(places)
        self._each = max(places // 2, 1)
        self._clients: dict[str, asyncio.Semaphore] = {}
        self._there: dict[str, int] = {}

    @asynccontextmanager
    async def place(self, client: str) -> AsyncIterator[None]:
        """A place, given back at the end. Raises TimeoutError where none comes free in time."""
        own = self._clients.setdefault(client, asyncio.Semaphore(self._each))
        self._there[client] = self._there.get(client, 0) + 1
        try:
            async with asyncio.timeout(WAIT) as waiting, own, self._all:
                waiting.reschedule(None)
                yield
        finally:
            self._there[client] -= 1
            if not self._there[client]:
                del self._there[client], self._clients[client]


@sync_and_async_middleware
def bulkhead(get_response: Answer | AsyncAnswer) -> Answer | AsyncAnswer:
    """The middleware. A server without a pool has a connection for each of its threads, and needs none."""
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
    except asyncio.CancelledError:  # the client has gone; the request's thread goes on, with its connection
        await sync_to_async(lambda: None)()
        raise


def changes(request: HttpRequest) -> bool:
    """Whether this request may wait for a lock of the queue."""
    if request.method in {"GET", "HEAD", "OPTIONS"} or request.path.startswith(LOGIN):
        return False
    return request.path.startswith(CHANGING)


def _client(request: HttpRequest) -> str:
    """The one who asks, as far as that can be told without asking the database."""
    session = request.COOKIES.get(settings.SESSION_COOKIE_NAME)
    return request.headers.get("Authorization") or session or request.META.get("REMOTE_ADDR") or ""
