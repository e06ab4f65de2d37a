"""Errors as problem details (RFC 9457), with the field named."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import exception_handler

from ..errors import FieldError, InvalidSubmission, JobConflict, NotEnded, NotWaiting, QueueError

MEDIA_TYPE = "application/problem+json"
_STATUS: dict[type[QueueError], int] = {InvalidSubmission: 400, JobConflict: 409, NotWaiting: 409, NotEnded: 409}


def problem(status: int, detail: str, errors: list[FieldError] | None = None, **extra: Any) -> dict[str, Any]:
    """The members of a problem: type, title, status, detail, and one entry in errors per wrong field."""
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


def problem_response(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler: the same answers with problem details as their body; None: not an answer."""
    if isinstance(error, QueueError):
        body = _queue_problem(error)
        return Response(body, body["status"], content_type=MEDIA_TYPE)
    response = exception_handler(error, context)
    if response is None:
        return None
    detail, errors = _say(error)
    headers = {
        name: response[name] for name in ("WWW-Authenticate", "Retry-After", "Allow") if response.has_header(name)
    }
    body = problem(response.status_code, detail, errors)
    return Response(body, response.status_code, headers=headers, content_type=MEDIA_TYPE)


def problem_page(request: HttpRequest, status: int, detail: str) -> HttpResponse:
    """The same for requests that no API view answered: an unknown address below /api/, an error inside."""
    return JsonResponse(problem(status, detail), status=status, content_type=MEDIA_TYPE)


def _queue_problem(error: QueueError) -> dict[str, Any]:
    status = _STATUS.get(type(error), 400)
    if isinstance(error, InvalidSubmission):
        return problem(status, str(error), error.errors)
    if isinstance(error, JobConflict):
        return problem(
            status,
            str(error),
            [FieldError("job_id", "is taken by a job with other content", n) for n in error.indexes],
        )
    return problem(status, str(error))


def _say(error: Exception) -> tuple[str, list[FieldError]]:
    if isinstance(error, exceptions.ValidationError):
        return "The request is not valid.", list(_field_errors(error.detail))
    if isinstance(error, Http404):
        return "There is no such thing here.", []
    if isinstance(error, PermissionDenied):
        return "You may not do this.", []
    detail = getattr(error, "detail", None)
    if isinstance(detail, dict):  # simplejwt's: {"detail": ..., "code": ...}
        detail = detail.get("detail")
    return str(detail or error), []


def _field_errors(detail: Any, field: str = "") -> list[FieldError]:
    if isinstance(detail, dict):
        return [e for name, inner in detail.items() for e in _field_errors(inner, f"{field}.{name}".lstrip("."))]
    if isinstance(detail, list):
        return [e for inner in detail for e in _field_errors(inner, field)]
    return [FieldError(field or "request", str(detail))]
