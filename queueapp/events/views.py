"""The event stream's door."""

from __future__ import annotations

from collections.abc import AsyncIterator

from asgiref.sync import sync_to_async
from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.views.decorators.csrf import csrf_exempt
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework_simplejwt.authentication import JWTAuthentication

from ..conf import queue_settings
from ..errors import FieldError, InvalidQuery
from ..http.problems import MEDIA_TYPE, problem_page, too_many
from ..limits.throttles import request_wait
from ..models import Owner
from ..snapshots import stream_start
from .access import StreamAccess
from .hub import Hub, hub
from .stream import Stream

TOO_MANY_RETRY = 30.0
"""Seconds after which one who has too many streams may try again."""


@csrf_exempt  # it changes nothing; what is not GET is refused as a problem
async def events(request: HttpRequest) -> HttpResponseBase:
    """The stream of the user whose token or session comes with the request; 401 without one.

    It begins with the queue, then follows every completion after Last-Event-ID (else after the number in the
    query's `after`, else from now on). Where that number is ahead of the last, as after a restore of the database, the
    queue comes as `reset`, and the stream goes on from the last number.
    """
    if request.method != "GET":
        return problem_page(request, 405, f'Method "{request.method}" not allowed.', {"Allow": "GET"})
    # Clients that are generated from the schema may name but one type of its answers, which is that of the errors.
    if not (request.accepts("text/event-stream") or request.accepts(MEDIA_TYPE)):
        return problem_page(request, 406, "Events are given out as text/event-stream only.")
    try:
        cursor = _cursor(request)
    except InvalidQuery as wrong:
        return problem_page(request, 400, str(wrong), errors=wrong.errors)
    admitted, cursor, reset, wait = await sync_to_async(_let_in)(request, cursor)
    if admitted is None and not wait:
        header = {"WWW-Authenticate": 'Bearer realm="api"'}
        return problem_page(request, 401, "Log in, or send a token.", header)
    if admitted is None or wait:
        return too_many(request, wait, "Streams are opened too often.")
    if _is_full(hub(), admitted.owner):
        most = queue_settings().MAX_STREAMS
        return too_many(request, TOO_MANY_RETRY, f"At most {most} streams of one user are open at a time.")
    headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
    stream = Stream(admitted, cursor, reset=reset)
    return StreamingHttpResponse(_follow(stream), content_type="text/event-stream", headers=headers)


async def _follow(stream: Stream) -> AsyncIterator[bytes]:
    feeder = hub()
    if _is_full(feeder, stream.owner):  # of many that came in together
        return
    feeder.join(stream)
    try:
        async for part in stream.events():
            yield part
    finally:
        feeder.leave(stream)


def _is_full(feeder: Hub, owner: int) -> bool:
    most = queue_settings().MAX_STREAMS
    return 0 < most <= feeder.count(owner)


def _let_in(request: HttpRequest, cursor: int | None) -> tuple[StreamAccess | None, int, bool, float]:
    """The pass of the one who asks, None without one; where the stream begins, and whether that is not where it was
    asked for; the seconds to wait before it may.

    All that the door asks the database, in one go and with a connection that is given back at once: the stream may
    be open for hours.
    """
    try:
        admitted = _pass(request)
        if admitted is None:
            return None, 0, False, request_wait(request, None)
        wait = request_wait(request, admitted.user)
        return admitted, *stream_start(admitted.owner, cursor), wait
    finally:
        if not connection.in_atomic_block:  # as it is in tests only
            connection.close()


def _pass(request: HttpRequest) -> StreamAccess | None:
    if request.headers.get("Authorization"):
        try:
            found = JWTAuthentication().authenticate(Request(request))
        except APIException:
            return None
        if found is None:
            return None
        user, token = found
        return StreamAccess(Owner.objects.of_user(user).pk, user.pk, user.password, expires_at=float(token["exp"]))
    visitor = request.user
    if isinstance(visitor, AnonymousUser):
        return None
    owner = Owner.objects.of_user(visitor)
    return StreamAccess(owner.pk, visitor.pk, visitor.password, session=request.session.session_key)


def _cursor(request: HttpRequest) -> int | None:
    """The number after which completions are asked for, None: from now on. Raises InvalidQuery."""
    errors = [FieldError(name, "there is no such parameter here") for name in sorted(set(request.GET) - {"after"})]
    found = {"Last-Event-ID": request.headers.get("Last-Event-ID"), "after": request.GET.get("after")}
    given = {name: text for name, text in found.items() if text}
    errors += [FieldError(name, "must be the number of a completion") for name in given if not _is_id(given[name])]
    if errors:
        raise InvalidQuery(errors)
    return int(next(iter(given.values()))) if given else None


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 19
