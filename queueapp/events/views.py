"""The event stream as a Django view. It answers every refusal; middleware.py takes most streams before Django."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

from asgiref.sync import sync_to_async
from django.core.exceptions import PermissionDenied
from django.core.handlers.wsgi import WSGIRequest
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.views.decorators.csrf import csrf_exempt
from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import APIException
from rest_framework.request import Request

from ..conf import queue_settings
from ..errors import InvalidQuery
from ..http.authentication import authentication_classes
from ..http.problems import problem_page, too_many
from ..lifecycle.api_keys import WRONG, find_keys, key_in
from ..limits.throttles import request_wait
from ..models import ApiKey, Owner
from ..models.api_key import Scope
from ..snapshots import stream_starts
from . import sse
from .access import StreamAccess
from .hub import hub
from .request import accepts, after, headers, language_of, takes_gzip
from .stream import Stream

UNKNOWN_TOKEN_SECONDS = 900.0
"""Seconds after which a stream ends whose token does not say how long it is good. The client comes back with it."""
TOO_MANY_RETRY = 30.0
"""Seconds after which a user who has too many streams may try again."""


@transaction.non_atomic_requests  # which no asynchronous view may have
@csrf_exempt  # it changes nothing; what is not GET is refused as a problem
async def events(request: HttpRequest) -> HttpResponseBase:
    """The stream of the user whose API key, token or session comes with the request; 401 without one.

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
    try:
        stream, wait = await sync_to_async(_admit)(request, number)
    except PermissionDenied as denied:
        return problem_page(request, 403, str(denied))
    if wait:
        return too_many(request, wait, "Streams are opened too often.")
    if stream is None:
        header = {"WWW-Authenticate": 'Bearer realm="api"'}
        is_key = key_in(request.headers.get("Authorization", "")) is not None
        return problem_page(request, 401, WRONG if is_key else "Log in, or send an API key or a token.", header)
    if hub().is_full(stream.owner):
        most = queue_settings().MAX_STREAMS
        return too_many(request, TOO_MANY_RETRY, f"At most {most} streams of one user are open at a time.")
    if isinstance(request, WSGIRequest):  # which would wait for the end of the stream before it sends any of it
        return problem_page(request, 501, "Event streams need an ASGI server. This one is WSGI, as runserver is.")
    return StreamingHttpResponse(_follow(stream), headers=headers(gzip=stream.gzip is not None))


async def _follow(stream: Stream) -> AsyncIterator[bytes]:
    feeder = hub()
    if feeder.is_full(stream.owner):  # of many that came in together
        return
    feeder.join(stream)
    try:
        yield stream.encoded(sse.retry(feeder.retry_milliseconds()))
        async for data in stream.events():
            yield data
    finally:
        feeder.leave(stream)


def _admit(request: HttpRequest, number: int | None) -> tuple[Stream | None, float]:
    """Return the stream of the client, None if it is nobody's, and the seconds to wait before it may be opened.

    The connection is given back at once: the stream may be open for hours. Raises PermissionDenied for an API key that
    may not read.
    """
    try:
        key = _key(request)
        access = _of_key(key) if key else _access(request)
        wait = request_wait(request, access and access.user)
        if access is None or wait:
            return None, wait
        if key and Scope.READ not in key.scopes:
            raise PermissionDenied("This API key lacks the scope read.")
        start = stream_starts([(access.owner, number)])[0]
        gzip, language = takes_gzip(request), language_of(request)
        return Stream(access, start.number, reset=start.reset, gzip=gzip, language=language), 0.0
    finally:
        if not connection.in_atomic_block:  # as it is in tests only
            connection.close()


def _key(request: HttpRequest) -> ApiKey | None:
    text = key_in(request.headers.get("Authorization", ""))
    return find_keys([text]).get(text) if text else None


def _of_key(key: ApiKey) -> StreamAccess:
    return StreamAccess(Owner.objects.of_user(key.user).pk, key.user_id, None, key=key.pk)


def _access(request: HttpRequest) -> StreamAccess | None:
    """Return what the client may follow, by the authentication of the API; None: nothing."""
    client = Request(request, authenticators=[one() for one in authentication_classes()])
    try:
        user = client.user
    except APIException:
        return None
    if not user.is_authenticated:
        return None
    owner = Owner.objects.of_user(user).pk
    if isinstance(client.successful_authenticator, SessionAuthentication):
        return StreamAccess(owner, user.pk, user.password, session=request.session.session_key)
    until = getattr(client.auth, "payload", {}).get("exp") or time.time() + UNKNOWN_TOKEN_SECONDS
    return StreamAccess(owner, user.pk, user.password, expires_at=float(until))
