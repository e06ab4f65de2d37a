"""`GET jobs/{job_id}/?wait=30`: an answer that comes when the job has ended. A part of EventStreamMiddleware.

Django answers the request twice, at once and when the wait is over; it decides who may see the job. In between, no
thread, database connection or request of Django is kept: the hub, which hears that jobs have ended, wakes all who wait.
Without this middleware, the answer comes at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

from django.http import HttpRequest

from ..http.addresses import api_root
from .hub import hub

Scope = dict[str, Any]
Message = Mapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

MAX_WAIT = 60
"""Seconds that a client may wait in one request."""
MAX_WAITS = 200
"""Clients of one owner that wait at a time in one web process. Further ones are answered at once."""
_KEY = "queueapp.wait"


class _Wait:
    """The job that a view asks to wait for; none if it asks for nothing."""

    job: tuple[int, int] | None = None
    seconds = 0.0


def wait_for(request: HttpRequest, owner: int, job: int, seconds: float) -> None:
    """Have the request answered again when the owner's job has ended, or after so many seconds."""
    wait = getattr(request, "scope", {}).get(_KEY)
    if wait is not None:
        wait.job, wait.seconds = (owner, job), seconds


class JobWaitMiddleware:
    """ASGI application that lets another one answer, and again after a wait if its view says so."""

    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on. If its view waits for a job, drop the answer, wait, and pass it on again."""
        if scope["type"] != "http" or scope["method"] != "GET" or not _may_wait(scope):
            await self._application(scope, receive, send)
            return
        wait = _Wait()

        async def send_unless_it_waits(message: Message) -> None:
            if wait.job is None:
                await send(message)

        await self._application({**scope, _KEY: wait}, receive, send_unless_it_waits)
        if wait.job is None or await _client_left(receive, wait.job, wait.seconds):
            return
        await self._application(scope, _without_body(receive), send)


def _may_wait(scope: Scope) -> bool:
    return b"wait=" in scope["query_string"] and scope["path"].startswith(f"{api_root()}jobs/")


async def _client_left(receive: Receive, job: tuple[int, int], seconds: float) -> bool:
    """Wait until the job has ended, or the time is over. Return True as soon as the client has left."""
    owner, pk = job
    if hub().watches.count(owner) >= MAX_WAITS:
        return False
    ended = asyncio.create_task(hub().job_end(owner, pk, seconds))
    left = asyncio.create_task(_until_disconnect(receive))
    try:
        await asyncio.wait({ended, left}, return_when=asyncio.FIRST_COMPLETED)
        return not ended.done()
    finally:
        for task in (ended, left):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def _until_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _without_body(receive: Receive) -> Receive:
    """Return a `receive` for the second answer: the request's body was read for the first."""
    first = True

    async def received() -> Message:
        nonlocal first
        if not first:
            return await receive()
        first = False
        return {"type": "http.request", "body": b"", "more_body": False}

    return received
