"""Functions for django-axes: the user name of an attempt, and the response while a log-in is locked out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from axes.helpers import get_cool_off
from axes.models import AccessAttempt
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext
from rest_framework.request import Request

from queueapp.http.address import client_address
from queueapp.http.problems import in_words, too_many
from queueapp.limits.throttles import refusal_page

LONGEST_NAME = 150
"""Characters of a user name, at most. No user has a longer one."""


def name_of(request: HttpRequest | Request, credentials: Mapping[str, Any] | None = None) -> str:
    """Return the user name of an attempt as its record can hold it: cut to LONGEST_NAME, without NUL."""
    name = (credentials or {}).get("username") or request.POST.get("username") or ""
    return str(name)[:LONGEST_NAME].replace("\x00", "")


def seconds_left(request: HttpRequest | Request, username: str) -> float:
    """Return the seconds, at least 1, until this name may be tried again from the client's address."""
    cool_off = get_cool_off(request)
    last = AccessAttempt.objects.filter(username=username, ip_address=client_address(request)).order_by("-attempt_time")
    when = last.values_list("attempt_time", flat=True).first()
    if when is None or cool_off is None:
        return 1.0
    return max(float((when + cool_off - timezone.now()).total_seconds()), 1.0)


def shut_sentence(wait: float) -> str:
    """Return why the log-in is refused. The words are the same whether the user exists or not."""
    text = gettext("Too many attempts with this user name. It can be tried again in %(wait)s.")
    return text % {"wait": in_words(wait)}


def locked_out(request: HttpRequest, *_: Any) -> HttpResponse:
    """Return 429 with Retry-After: a problem below /api/, the log-in page elsewhere, or a plain page after it."""
    wait = seconds_left(request, name_of(request, getattr(request, "axes_credentials", None)))
    return too_many(request, wait, shut_sentence(wait), refusal_page(request))


def forget_failures(request: HttpRequest | Request, username: str) -> None:
    """Delete the name's failed attempts from the client's address: django-axes notices only log-ins with a session."""
    address = client_address(request)
    AccessAttempt.objects.filter(username=username[:LONGEST_NAME], ip_address=address).delete()


def is_locked_out(request: HttpRequest | Request) -> bool:
    """Whether django-axes refused this request's attempt unchecked, or began the lockout with it."""
    return bool(getattr(request, "axes_locked_out", False))
