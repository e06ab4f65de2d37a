"""Throttles of pages, as decorators of views. The API has its own (api/throttles.py)."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponseBase

from ..conf import queue_settings
from ..http.address import client_address
from ..http.problems import in_words, too_many
from .rate_limit import take, take_each

View = Callable[..., HttpResponseBase]


def login_wait(request: HttpRequest) -> float:
    """Take an attempt to log in from the client's address. Return 0, or the seconds until there is one."""
    return take("login", client_address(request) or "unknown", queue_settings().LOGINS_PER_MINUTE)


def request_wait(request: HttpRequest, user: object | None) -> float:
    """Take any other request, of a user (primary key) or an address. Return 0, or the seconds until there is one."""
    whose = client_address(request) or "unknown" if user is None else str(user)
    return take("request", whose, queue_settings().REQUESTS_PER_MINUTE)


def request_waits(users: Collection[object]) -> dict[str, float]:
    """Take a request of each of these users (primary keys). Return the waits as request_wait() does, by str(key)."""
    return take_each("request", map(str, users), queue_settings().REQUESTS_PER_MINUTE)


def logins_sentence(wait: float) -> str:
    """Return why a log-in is refused now, for the user."""
    return f"Too many attempts to log in from your address. Try again in {in_words(wait)}."


def throttle_logins(view: View) -> View:
    """Limit a view to LOGINS_PER_MINUTE passwords from one address."""

    @wraps(view)
    def throttled(request: HttpRequest, *args: Any, **options: Any) -> HttpResponseBase:
        if request.method == "POST" and (wait := login_wait(request)):
            return too_many(request, wait, logins_sentence(wait), "registration/login.html")
        return view(request, *args, **options)

    return throttled


def throttle_requests(view: View) -> View:
    """Limit a view to REQUESTS_PER_MINUTE of one user."""

    @wraps(view)
    def throttled(request: HttpRequest, *args: Any, **options: Any) -> HttpResponseBase:
        if request.user.is_authenticated and (wait := request_wait(request, request.user.pk)):
            return too_many(request, wait, "You asked for more pages than one person can read.")
        return view(request, *args, **options)

    return throttled
