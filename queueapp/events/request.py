"""Parses requests for event streams, and has the headers of the answer. views.py and middleware.py share it."""

from __future__ import annotations

import re
from functools import cache

from django.conf import settings
from django.http import HttpRequest
from django.middleware.locale import LocaleMiddleware
from django.utils.module_loading import import_string
from django.utils.translation import get_language_from_request

from ..errors import FieldError, InvalidQuery
from ..http.problems import MEDIA_TYPE
from .credentials import Credentials

_HEADERS = {
    "Content-Type": "text/event-stream", "Cache-Control": "no-cache", "X-Accel-Buffering": "no",
    "Vary": "Accept-Encoding",
}  # fmt: skip
_GZIP = re.compile(r"\bgzip\b(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))", re.IGNORECASE)
"""Accept-Encoding that names gzip, and not only to refuse it."""


def headers(*, gzip: bool) -> dict[str, str]:
    """Return the headers of a stream."""
    return _HEADERS | {"Content-Encoding": "gzip"} if gzip else _HEADERS


def takes_gzip(request: HttpRequest) -> bool:
    """Whether the client takes a stream in gzip. What others do not ask for stays readable as it is sent."""
    return _GZIP.search(request.headers.get("Accept-Encoding", "")) is not None


def accepts(request: HttpRequest) -> bool:
    """Whether the client takes a stream.

    Clients that are generated from the schema may name but one type of its answers, which is that of the errors.
    """
    return request.accepts("text/event-stream") or request.accepts(MEDIA_TYPE)


def credentials(request: HttpRequest) -> Credentials | None:
    """Return what the client logs in with; None: nothing."""
    authorization = request.headers.get("Authorization", "")
    session = request.COOKIES.get(settings.SESSION_COOKIE_NAME, "")
    return Credentials(authorization.encode(), session) if authorization or session else None


def language_of(request: HttpRequest) -> str:
    """Return the language in which pages answer this request."""
    return get_language_from_request(request) if _has_languages() else settings.LANGUAGE_CODE


@cache
def _has_languages() -> bool:
    """Whether Django's LocaleMiddleware, or one made of it, is among the project's middleware."""
    found = map(import_string, settings.MIDDLEWARE)
    return any(isinstance(one, type) and issubclass(one, LocaleMiddleware) for one in found)


def after(request: HttpRequest) -> int | None:
    """Return the number after which completions are asked for; None: from now on. Raises InvalidQuery."""
    errors = [FieldError(name, "there is no such parameter here") for name in sorted(set(request.GET) - {"after"})]
    found = {"Last-Event-ID": request.headers.get("Last-Event-ID"), "after": request.GET.get("after")}
    given = {name: text for name, text in found.items() if text}
    errors += [FieldError(name, "must be the number of a completion") for name in given if not _is_id(given[name])]
    if errors:
        raise InvalidQuery(errors)
    return int(next(iter(given.values()))) if given else None


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 19
