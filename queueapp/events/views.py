"""The event stream as a Django view. It answers every refusal; middleware.py takes most streams before Django."""

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
from ..errors import InvalidQuery
from ..http.problems import problem_page, too_many
from ..limits.throttles import request_wait
from ..models import Owner
from ..snapshots import stream_starts
from . import sse
from .access import StreamAccess
from .hub import hub
from .request import HEADERS, accepts, after
from .stream import Stream

TOO_MANY_RETRY = 30.0
"""Seconds after which a user who has too many streams may try again."""


@csrf_exempt  # it changes nothing; what is not GET is refused as a problem
async def events(request: HttpRequest) -> HttpResponseBase:
    """The stream of the user whose token or session comes with the request; 401 without one.

    It begins with the queue, then follows every completion after Last-Event-ID (else after the number in the
    query's `after`, else from now on). If the user has no completion with that number, as it was pruned or the database
    was restored, the first queue comes as `reset`: completions may be gone that the client has not seen.
    """
    if request.method != "GET":
        return problem_page(request, 405, f'Method "{request.method}" not allowed.', {"Allow": "GET"})
    if not accepts(request):
        return problem_page(request, 406, "Events are given out as text/event-stream only.")
    try:
        number = after(request)
    except InvalidQuery as wrong:
        return problem_page(request, 400, str(wrong), errors=wrong.errors)
    stream, wait = await sync_to_async(_admit)(request, number)
    if wait:
        return too_many(request, wait, "Streams are opened too often.")
    if stream is None:
        header = {"WWW-Authenticate": 'Bearer realm="api"'}
        return problem_page(request, 401, "Log in, or send a token.", header)
    if hub().is_full(stream.owner):
        most = queue_settings().MAX_STREAMS
        return too_many(request, TOO_MANY_RETRY, f"At most {most} streams of one user are open at a time.")
    return StreamingHttpResponse(_follow(stream), headers=HEADERS)


async def _follow(stream: Stream) -> AsyncIterator[bytes]:
    feeder = hub()
    if feeder.is_full(stream.owner):  # of many that came in together
        return
    feeder.join(stream)
    try:
        yield sse.retry(feeder.retry_milliseconds())
        async for data in stream.events():
            yield data
    finally:
        feeder.leave(stream)


def _admit(request: HttpRequest, number: int | None) -> tuple[Stream | None, float]:
    """Return the stream of the client, None if it is nobody's, and the seconds to wait before it may be opened.

    The connection is given back at once: the stream may be open for hours.
    """
    try:
        access = _access(request)
        wait = request_wait(request, access and access.user)
        if access is None or wait:
            return None, wait
        start = stream_starts([(access.owner, number)])[0]
        return Stream(access, start.number, reset=start.reset), 0.0
    finally:
        if not connection.in_atomic_block:  # as it is in tests only
            connection.close()


def _access(request: HttpRequest) -> StreamAccess | None:
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
