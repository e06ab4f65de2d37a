"""What monitoring asks of a web process: /healthz, /readyz and /metrics.

It asks by IP address and without TLS. So this middleware comes first, before host names and TLS are checked.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from functools import cache, partial
from typing import cast

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.db import DatabaseError, InterfaceError, connection, connections
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.utils.decorators import sync_and_async_middleware

from queueapp import metrics
from queueapp.conf import queue_settings
from queueapp.db.routines import are_installed
from queueapp.db.sessions import DIRECT

KEEP = 1.0
"""Seconds for which a result is cached. Anybody can ask, and each check queries the database."""

Answer = Callable[[HttpRequest], HttpResponseBase]
AsyncAnswer = Callable[[HttpRequest], Awaitable[HttpResponseBase]]


@sync_and_async_middleware
def probes(get_response: Answer | AsyncAnswer) -> Answer | AsyncAnswer:
    """Middleware. /healthz answers 200; /readyz too if the database answers and has all migrations and functions,
    else 503. It also asks the address for LISTEN, if that is another.

    /metrics: see queueapp/metrics.py. Without METRICS_TOKEN there is no such address.
    """
    if iscoroutinefunction(get_response):

        async def later(request: HttpRequest) -> HttpResponseBase:
            if request.path == "/healthz":
                return _answer(None)
            if (asked := _asked(request)) is not None:
                return await sync_to_async(asked)()
            return await cast(AsyncAnswer, get_response)(request)

        return later

    def at_once(request: HttpRequest) -> HttpResponseBase:
        if request.path == "/healthz":
            return _answer(None)
        if (asked := _asked(request)) is not None:
            return asked()
        return cast(Answer, get_response)(request)

    return at_once


def _asked(request: HttpRequest) -> Callable[[], HttpResponseBase] | None:
    """Return what answers this request from the database; None if it is not for us."""
    if request.path == "/readyz":
        return lambda: _answer(_known.wrong())
    if request.path == "/metrics" and queue_settings().METRICS_TOKEN:
        return partial(metrics.answer, request)
    return None


class _Known:
    """The last result of /readyz, cached for KEEP seconds."""

    def __init__(self) -> None:
        self._wrong: str | None = None
        self._until = 0.0

    def wrong(self) -> str | None:
        """Return why this process cannot serve requests, or None if it can."""
        if time.monotonic() >= self._until:
            self._wrong = _look()
            self._until = time.monotonic() + KEEP
        return self._wrong


_known = _Known()


def _look() -> str | None:
    try:
        missing = _migrations() - MigrationRecorder(connection).applied_migrations().keys()
        installed = are_installed()
    except (DatabaseError, InterfaceError):
        return "The database does not answer."
    if missing:
        return f"The database lacks {len(missing)} migrations: run manage.py migrate."
    if not installed:
        return "The database lacks the SQL functions of this version: run manage.py migrate, or start a later version."
    return None if DIRECT not in connections or _answers(DIRECT) else "PostgreSQL does not answer past the pooler."


def _answers(alias: str) -> bool:
    try:
        connections[alias].ensure_connection()
    except (DatabaseError, InterfaceError):
        return False
    finally:
        connections[alias].close()
    return True


@cache
def _migrations() -> frozenset[tuple[str, str]]:
    return frozenset(MigrationLoader(None).graph.nodes)


def _answer(wrong: str | None) -> HttpResponseBase:
    headers = {"Cache-Control": "no-store"}
    if wrong is None:
        return JsonResponse({"status": "ok"}, headers=headers)
    return JsonResponse({"status": "unavailable", "detail": wrong}, status=503, headers=headers)
