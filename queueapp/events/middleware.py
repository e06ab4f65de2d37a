"""The event stream's fast path: ASGI middleware before Django's.

    application = EventStreamMiddleware(BodyLimit(get_asgi_application()))

Through Django a stream costs a dozen thread switches when it opens, and keeps its request and all middleware for hours.
Here, clients that come together are admitted together, and nothing of a request is kept. All that is not admitted, with
every refusal, is left to Django and views.py: without this the stream works as well, for fewer clients.
Requests that wait for the end of a job are job_wait.py's.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from io import BytesIO
from typing import Any

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse
from django.middleware.security import SecurityMiddleware

from ..errors import InvalidQuery
from ..http.addresses import events_path
from ..http.middleware import add_headers
from . import sse
from .admission import MAX_BATCH, Admissions, StreamRequest
from .hub import hub
from .job_wait import JobWaitMiddleware
from .request import accepts, after, credentials, headers, language_of, takes_gzip
from .stream import Stream

logger = logging.getLogger(__name__)

Scope = dict[str, Any]
Message = Mapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


class EventStreamMiddleware:
    """ASGI application that serves event streams to whom it can admit, and passes all else on to another one."""

    def __init__(self, application: Application) -> None:
        self._application = JobWaitMiddleware(application)
        self._admissions = Admissions()
        self._concurrent = asyncio.Semaphore(MAX_BATCH)
        """Of thousands that come at once, the others wait here: else all other requests would wait for all of them."""
        self._path = ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a stream until its client leaves, or let the application behind answer."""
        self._path = self._path or events_path()  # once: to look it up takes as long as the rest of this
        if scope["type"] == "http" and scope["method"] == "GET" and scope["path"] == self._path:
            async with self._concurrent:
                stream, its_headers = await self._admitted(scope)
            if stream is not None:
                scope["headers"].clear()  # a stream is open for hours: keep nothing of its request
                await _Served(stream, send).serve(receive, its_headers)
                return
        await self._application(scope, receive, send)

    async def _admitted(self, scope: Scope) -> tuple[Stream | None, list[tuple[bytes, bytes]]]:
        request = ASGIRequest(scope, BytesIO())
        client = _stream_request(request)
        if client is None:
            return None, []
        try:
            admitted = await self._admissions.admit(client)
        except Exception:  # Django fails likewise, says so to the client, and logs it
            return None, []
        if admitted is None or hub().is_full(admitted.access.owner):
            return None, []
        gzip, start = takes_gzip(request), admitted.start
        stream = Stream(admitted.access, start.number, reset=start.reset, gzip=gzip, language=language_of(request))
        hub().join(stream)  # now, so that of many that come together no more are let in than may be
        return stream, _headers(gzip, request.is_secure())


def _stream_request(request: HttpRequest) -> StreamRequest | None:
    """Return who asks, None if Django is to answer."""
    try:
        request.get_host()
        number = after(request)
    except (DisallowedHost, InvalidQuery):
        return None
    if settings.SECURE_SSL_REDIRECT and not request.is_secure():
        return None
    if "Origin" in request.headers:  # a page of another site: Django's middleware knows whether it may read the answer
        return None
    sent = credentials(request)
    return StreamRequest(sent, number) if accepts(request) and sent is not None else None


@cache
def _headers(gzip: bool, secure: bool) -> list[tuple[bytes, bytes]]:
    """Return the headers of a stream: those of views.py, and those that middleware adds to every response."""
    request, response = HttpRequest(), HttpResponse(headers=headers(gzip=gzip))
    request.path = events_path()
    request.META["wsgi.url_scheme"] = "https" if secure else "http"
    request._get_scheme = lambda: request.META["wsgi.url_scheme"]  # type: ignore[attr-defined]
    response = SecurityMiddleware(lambda _: response).process_response(request, response)
    return [(name.lower().encode(), value.encode()) for name, value in add_headers(request, response).items()]


class _Served:
    """A stream that is sent to its client. A task writes while there is something to send, and then ends."""

    __slots__ = ("_send", "_stream", "_writer")

    def __init__(self, stream: Stream, send: Send) -> None:
        self._stream = stream
        self._send = send
        self._writer: asyncio.Task[None] | None = None
        stream.wake = self._wake

    async def serve(self, receive: Receive, headers: list[tuple[bytes, bytes]]) -> None:
        """Send the head of the response and then the stream, until the client leaves or the stream ends."""
        try:
            await self._send({"type": "http.response.start", "status": 200, "headers": headers})
            await self._send(_body(self._stream.encoded(sse.retry(hub().retry_milliseconds()))))
            self._wake()
            while (await receive())["type"] != "http.disconnect":
                pass
        finally:
            hub().leave(self._stream)
            self._stream.end()

    def _wake(self) -> None:
        if self._writer is None:
            self._writer = asyncio.create_task(self._write())

    async def _write(self) -> None:
        try:
            while not self._stream.over and (data := self._stream.take()):
                await self._send(_body(data))
            if self._stream.over:
                await self._send(_body(self._stream.ending(), more=False))
        except Exception:  # the server says so where it can; the stream's own task ends with the connection
            logger.debug("A stream could not be written to.", exc_info=True)
            hub().leave(self._stream)
        finally:
            self._writer = None


def _body(data: bytes, *, more: bool = True) -> Message:
    return {"type": "http.response.body", "body": data, "more_body": more}
