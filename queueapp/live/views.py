"""The event stream's door."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import cast

from asgiref.sync import sync_to_async
from django.db import connection
from django.http import HttpRequest, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.views.decorators.http import require_GET
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework_simplejwt.authentication import JWTAuthentication

from ..models import User
from ..snapshots import last_number
from .hub import hub
from .stream import Stream


@require_GET
async def events(request: HttpRequest) -> HttpResponseBase:
    """The stream of the user whose token or session comes with the request; 401 without one.

    It begins with the queue, then follows every completion after Last-Event-ID (else after the number in the
    query's `after`, else from now on).
    """
    owner = await _owner(request)
    if owner is None:
        body = {
            "type": "about:blank",
            "title": "Unauthorized",
            "status": 401,
            "detail": "Log in, or send a token.",
        }
        response = JsonResponse(body, status=401, content_type="application/problem+json")
        response["WWW-Authenticate"] = 'Bearer realm="api"'
        return response
    cursor = _cursor(request)
    if cursor is None:
        cursor = await sync_to_async(_last_number)(owner.pk)
    headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
    return StreamingHttpResponse(_follow(Stream(owner.pk, cursor)), content_type="text/event-stream", headers=headers)


async def _follow(stream: Stream) -> AsyncIterator[bytes]:
    feeder = hub()
    feeder.join(stream)
    try:
        async for part in stream.events():
            yield part
    finally:
        feeder.leave(stream)


async def _owner(request: HttpRequest) -> User | None:
    if request.headers.get("Authorization"):
        return await sync_to_async(_token_owner)(request)
    user = await request.auser()
    return user if user.is_authenticated else None


def _token_owner(request: HttpRequest) -> User | None:
    try:
        found = JWTAuthentication().authenticate(Request(request))
    except APIException:
        return None
    return None if found is None else cast(User, found[0])


def _last_number(owner: int) -> int:
    try:
        return last_number(owner)
    finally:
        connection.close_if_unusable_or_obsolete()


def _cursor(request: HttpRequest) -> int | None:
    given = request.headers.get("Last-Event-ID") or request.GET.get("after") or ""
    return int(given) if given.isascii() and given.isdecimal() and len(given) < 19 else None
