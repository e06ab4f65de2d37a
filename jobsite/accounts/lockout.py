"""What django-axes asks of us: whose attempt it was, and how to say that the log-in is shut for a while."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from axes.helpers import get_cool_off
from axes.models import AccessAttempt
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from rest_framework.request import Request

from queueapp.http.address import client_address
from queueapp.http.problems import in_words, too_many

LONGEST_NAME = 150
"""Characters of a user name; what is longer is nobody's."""


def name_of(request: HttpRequest | Request, credentials: Mapping[str, Any] | None = None) -> str:
    """The user name of an attempt, as the record of attempts can hold it."""
    name = (credentials or {}).get("username") or request.POST.get("username") or ""
    return str(name)[:LONGEST_NAME].replace("\x00", "")


def seconds_left(request: HttpRequest | Request, username: str) -> float:
    """Seconds until this name may be tried again from where the request comes."""
    cool_off = get_cool_off(request)
    last = AccessAttempt.objects.filter(username=username, ip_address=client_address(request)).order_by("-attempt_time")
    when = last.values_list("attempt_time", flat=True).first()
    if when is None or cool_off is None:
        return 1.0
    return max(float((when + cool_off - timezone.now()).total_seconds()), 1.0)


def shut_sentence(wait: float) -> str:
    """The same words whether there is such a user or not."""
    return f"Too many attempts with this user name. It can be tried again in {in_words(wait)}."


def locked_out(request: HttpRequest, *_: Any) -> HttpResponse:
    """The log-in page, or below /api/ a problem, that says when to come back: 429 with Retry-After."""
    wait = seconds_left(request, name_of(request, getattr(request, "axes_credentials", None)))
    return too_many(request, wait, shut_sentence(wait), "queueapp/login.html")


def forget_failures(request: HttpRequest | Request, username: str) -> None:
    """After a success that django-axes does not hear of, as no session began: the attempts start from none."""
    address = client_address(request)
    AccessAttempt.objects.filter(username=username[:LONGEST_NAME], ip_address=address).delete()


def is_locked_out(request: HttpRequest | Request) -> bool:
    """Whether the attempt that came with this request was not even looked at, or was the last for a while."""
    return bool(getattr(request, "axes_locked_out", False))
