"""Throttles of pages, as decorators of views. The API has its own (api/throttles.py)."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from functools import wraps
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest, HttpResponseBase
from django.utils.translation import gettext

from ..conf import queue_settings
from ..http.address import client_address
from ..http.problems import in_words, too_many
from .rate_limit import take_each, take_one

if TYPE_CHECKING:
    from rest_framework.request import Request

View = Callable[..., HttpResponseBase]


def take_for(request: Request | HttpRequest, kind: str, whose: str, per_minute: int) -> float:
    """Take one of an allowance. Return 0, or the seconds until there is one. The answer to the request will tell what
    is left (http/problems.py), as draft-ietf-httpapi-ratelimit-headers-10 has it."""
    taken = take_one(kind, whose, per_minute)
    if taken.left is not None:
        plain: Any = getattr(request, "_request", request)
        plain.rate_limit_headers = {
            "RateLimit-Policy": f'"{kind}";q={per_minute};w=60',
            "RateLimit": f'"{kind}";r={taken.left};t={math.ceil(taken.full_in)}',
        }
    return taken.wait


def login_wait(request: HttpRequest) -> float:
    """Take an attempt to log in from the client's address. Return 0, or the seconds until there is one."""
    return take_for(request, "login", client_address(request) or "unknown", queue_settings().LOGINS_PER_MINUTE)


def request_wait(request: HttpRequest, user: object | None) -> float:
    """Take any other request, of a user (primary key) or an address. Return 0, or the seconds until there is one."""
    whose = client_address(request) or "unknown" if user is None else str(user)
    return take_for(request, "request", whose, queue_settings().REQUESTS_PER_MINUTE)


def submission_wait(request: Request | HttpRequest, user: object) -> float:
    """Take a POST request of a user (primary key). Return 0, or the seconds until there is one."""
    return take_for(request, "submit", str(user), queue_settings().SUBMISSIONS_PER_MINUTE)


def request_waits(users: Collection[object]) -> dict[str, float]:
    """Take a request of each of these users (primary keys). Return the waits as request_wait() does, by str(key)."""
    taken = take_each("request", map(str, users), queue_settings().REQUESTS_PER_MINUTE)
    return {user: one.wait for user, one in taken.items()}


def logins_sentence(wait: float) -> str:
    """Return why a log-in is refused now, for the user."""
    text = gettext("Too many attempts to log in from your address. Try again in %(wait)s.")
    return text % {"wait": in_words(wait)}


def refusal_page(request: HttpRequest) -> str:
    """Return the template for whoever may try no more passwords now: the log-in, unless that is behind them."""
    return "queueapp/429.html" if request.user.is_authenticated else "registration/login.html"


def throttle_logins(view: View) -> View:
    """Limit a view to LOGINS_PER_MINUTE passwords from one address."""

    @wraps(view)
    def throttled(request: HttpRequest, *args: Any, **options: Any) -> HttpResponseBase:
        if request.method == "POST" and (wait := login_wait(request)):
            return too_many(request, wait, logins_sentence(wait), refusal_page(request))
        return view(request, *args, **options)

    return throttled


def throttle_requests(view: View) -> View:
    """Limit a view to REQUESTS_PER_MINUTE of one user, and to SUBMISSIONS_PER_MINUTE of what is sent to it."""

    @wraps(view)
    def throttled(request: HttpRequest, *args: Any, **options: Any) -> HttpResponseBase:
        user = request.user
        wait = 0.0
        if user.is_authenticated:
            wait = submission_wait(request, user.pk) if request.method == "POST" else request_wait(request, user.pk)
        if wait:
            return too_many(request, wait, gettext("You asked for more pages than one person can read."))
        return view(request, *args, **options)

    return throttled
