"""Refusals: problem details (RFC 9457) for the API, pages elsewhere."""

from __future__ import annotations

import logging
import math
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.translation import gettext_lazy, ngettext

from ..db.sessions import reason
from ..errors import FieldError
from .addresses import api_root, is_below

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"


def problem(status: int, detail: str, errors: list[FieldError] | None = None, **extra: Any) -> dict[str, Any]:
    """Return a problem's members: type, title, status, detail, `extra`, and one entry in errors per wrong field."""
    members = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        **extra,
    }
    if errors:
        members["errors"] = [
            {"field": e.field, "message": e.message} | ({} if e.index is None else {"index": e.index}) for e in errors
        ]
    return members


def rate_limit_headers(request: Any) -> dict[str, str]:
    """Return the headers that tell what is left of the rate limit from which this request was taken, if from any."""
    headers: dict[str, str] = getattr(getattr(request, "_request", request), "rate_limit_headers", {})
    return headers


def problem_page(
    request: HttpRequest,
    status: int,
    detail: str,
    headers: dict[str, str] | None = None,
    errors: list[FieldError] | None = None,
) -> HttpResponse:
    """Return a problem, for requests outside REST framework's views: event streams, unknown addresses, errors."""
    headers = rate_limit_headers(request) | (headers or {})
    return JsonResponse(problem(status, detail, errors), status=status, content_type=MEDIA_TYPE, headers=headers)


def of_api(request: HttpRequest) -> bool:
    """Whether the request is for an address of the API."""
    return is_below(request.path, api_root())


def seconds(wait: float) -> int:
    """Return a wait in whole seconds, at least one, as Retry-After takes it."""
    return max(math.ceil(wait), 1)


def in_words(wait: float) -> str:
    """Return a wait in words: '20 seconds', '60 seconds', '15 minutes'."""
    number = seconds(wait) if wait <= 60 else math.ceil(wait / 60)
    if wait <= 60:
        text = ngettext("%(number)s second", "%(number)s seconds", number)
    else:
        text = ngettext("%(number)s minute", "%(number)s minutes", number)
    return text % {"number": number}


def too_many(request: HttpRequest, wait: float, detail: str, template: str = "queueapp/429.html") -> HttpResponse:
    """Return 429 with Retry-After. The template gets `detail`, `wait` (in words) and `next`."""
    retry_after = str(seconds(wait))
    if of_api(request):
        return problem_page(request, 429, detail, {"Retry-After": retry_after})
    context = {
        "detail": detail,
        "wait": in_words(wait),
        "next": request.POST.get("next") or request.GET.get("next", ""),
    }
    response = render(request, template, context, status=429)
    response.headers["Retry-After"] = retry_after
    return response


RETRY_HEADERS = {"Retry-After": "2"}
"""Headers of a refusal, if the same request may succeed in two seconds."""
BUSY = gettext_lazy(
    "The database is busy or cannot be reached just now. Send the same again in a moment: no job is taken in twice."
)


def note_busy(request: HttpRequest, error: BaseException | None) -> None:
    """Log in one line why a request is answered with 503."""
    logger.warning("503 for %s %s: %s", request.method, request.path, reason(error) if error else "")


def busy(request: HttpRequest, error: BaseException | None) -> HttpResponse:
    """Log why, and return 503 with Retry-After."""
    note_busy(request, error)
    if of_api(request):
        response: HttpResponse = problem_page(request, 503, str(BUSY), RETRY_HEADERS)
    else:
        response = HttpResponse(render_to_string("queueapp/503.html"), status=503, headers=RETRY_HEADERS)
    response._has_been_logged = True  # type: ignore[attr-defined]  # else Django logs it, too, with a traceback
    return response
