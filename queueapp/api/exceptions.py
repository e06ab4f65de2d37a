"""Errors as problem details (RFC 9457), with the field named."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404
from rest_framework import exceptions
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.views import exception_handler

from ..db.sessions import is_passing
from ..errors import (
    BacklogFull,
    FieldError,
    InvalidSubmission,
    JobConflict,
    KeyNameTaken,
    NotCancellable,
    NotMovable,
    NotRetryable,
    NotWaiting,
    QueueError,
    ScopeNotAllowed,
    TooManyKeys,
    TooManyWebhooks,
    WebhookTaken,
)
from ..http.problems import BUSY, MEDIA_TYPE, RETRY_HEADERS, note_busy, problem

_STATUS: dict[type[QueueError], int] = {
    InvalidSubmission: 400,
    JobConflict: 409,
    NotCancellable: 409,
    NotMovable: 409,
    NotRetryable: 409,
    NotWaiting: 409,
    KeyNameTaken: 409,
    ScopeNotAllowed: 403,
    TooManyKeys: 409,
    WebhookTaken: 409,
    TooManyWebhooks: 409,
    BacklogFull: 429,
}


def problem_response(error: Exception, context: dict[str, Any]) -> Response | None:
    """Return DRF's answer to an exception with problem details as its body; None if DRF has no answer."""
    # Problems are JSON, also where the view gives out something else (the schema, a page).
    context["request"].accepted_renderer, context["request"].accepted_media_type = JSONRenderer(), MEDIA_TYPE
    if isinstance(error, QueueError):
        body = _queue_problem(error)
        headers = {"Retry-After": str(error.retry_after)} if isinstance(error, BacklogFull) else None
        return Response(body, body["status"], headers=headers, content_type=MEDIA_TYPE)
    if is_passing(error):
        return _busy(error, context)
    response = exception_handler(error, context)
    if response is None:
        return None
    detail, errors = _say(error)
    headers = {
        name: response[name] for name in ("WWW-Authenticate", "Retry-After", "Allow") if response.has_header(name)
    }
    body = problem(response.status_code, detail, errors)
    return Response(body, response.status_code, headers=headers, content_type=MEDIA_TYPE)


def _busy(error: Exception, context: dict[str, Any]) -> Response:
    note_busy(context["request"], error)
    response = Response(problem(503, str(BUSY)), 503, headers=RETRY_HEADERS, content_type=MEDIA_TYPE)
    response._has_been_logged = True  # type: ignore[attr-defined]  # else Django says it again, as an error
    return response


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
