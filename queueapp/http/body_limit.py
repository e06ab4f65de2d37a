"""The limit of request bodies: checked against the declared length, and again while the body is read."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from django.utils.translation import gettext

from ..conf import queue_settings
from ..i18n import whole_number
from .addresses import admin_root, api_root, is_below, submit_path
from .problems import MEDIA_TYPE, problem

Scope = dict[str, Any]
Message = Mapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

BULK = ("bulk", "cancel", "move", "retry")
"""Addresses below `jobs/` whose requests may name thousands of jobs."""
ADMIN_LIMIT = 2_621_440
"""Bytes of a request to the admin: Django's own default, as some forms name thousands of users."""
MAX_FILE_BYTES = 2_000_000
"""Bytes of a file of many jobs, unpacked, and of a text."""


class TooLarge(Exception):
    """The body is larger than the limit of its address."""

    def __init__(self, limit: int) -> None:
        self.limit = limit


def limit_of(path: str) -> int:
    """Return the bytes that the body of a request to this path may have."""
    if is_below(path, admin_root()):
        return ADMIN_LIMIT
    if is_below(path, submit_path() and f"{submit_path()}many/"):
        return 2 * MAX_FILE_BYTES + queue_settings().MAX_BODY_BYTES  # the text that stood there comes with a file
    bulk = path in {f"{api_root()}jobs/{name}/" for name in BULK}
    return queue_settings().MAX_BULK_BODY_BYTES if bulk else queue_settings().MAX_BODY_BYTES


def sentence(limit: int) -> str:
    """Return the detail of a refusal, for the client."""
    most = whole_number(limit)
    return gettext("The request's body is too large: at most %(most)s bytes are taken here.") % {"most": most}


class BodyLimit:
    """ASGI application that wraps another one and reads no more of a body than the limit.

    Middleware would be too late: Django reads the whole body before any of it sees the request.
    """

    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on. If its body is too large, answer 413 and close the connection."""
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        try:
            counted = _counting(scope, receive)
            await self._application(scope, counted, send)
        except TooLarge as error:
            await _refuse(send, error.limit)


def _counting(scope: Scope, receive: Receive) -> Receive:
    """Return a `receive` that raises TooLarge above the limit. Raise it at once if the declared length is above."""
    limit, so_far = limit_of(scope["path"]), 0
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit() and int(value) > limit:
            raise TooLarge(limit)

    async def counted() -> Message:
        nonlocal so_far
        message = await receive()
        so_far += len(message.get("body", b""))
        if so_far > limit:
            raise TooLarge(limit)
        return message

    return counted


async def _refuse(send: Send, limit: int) -> None:
    body = json.dumps(problem(413, sentence(limit))).encode()
    headers = [
        (b"content-type", MEDIA_TYPE.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": body})
