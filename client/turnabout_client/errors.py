"""Everything that a client raises, made of the server's problem details (RFC 9457)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import msgspec


class TurnaboutError(Exception):
    """The base of all errors of this package. Its text is one sentence for people."""


class Unreachable(TurnaboutError):
    """No answer came, although the request was sent again for as long as allowed. What it asked for may be done."""


class NotTurnabout(TurnaboutError):
    """The answer is not one of Turnabout's API: the address is wrong, or something between answers in its place."""


class TimedOut(TurnaboutError, TimeoutError):
    """A job had not ended within the time that was given to wait. It goes on."""


class FieldError(msgspec.Struct, frozen=True):
    """What is wrong with one field. `index`: of the job, where many were submitted."""

    field: str
    message: str
    index: int | None = None

    def __str__(self) -> str:
        return f"{'' if self.index is None else f'jobs[{self.index}].'}{self.field}: {self.message}"


class ApiError(TurnaboutError):
    """The server's refusal. `errors` name the fields. `retry_after`: seconds, or None."""

    def __init__(
        self,
        status: int,
        detail: str,
        errors: Sequence[FieldError] = (),
        *,
        retry_after: float | None = None,
        problem: Mapping[str, Any] | None = None,
    ) -> None:
        self.status = status
        self.detail = detail
        self.errors = list(errors)
        self.retry_after = retry_after
        self.problem = dict(problem or {})
        super().__init__(" ".join([detail, *(f"{error}." for error in self.errors[:1])]))


class InvalidRequest(ApiError):
    """400, 413, 415: the request is not valid. Nothing was changed."""


class NotAuthenticated(ApiError):
    """401: no valid password, token or key."""


class NotAllowed(ApiError):
    """403: this user may not do that."""


class NotFound(ApiError):
    """404: there is no such job of this owner."""


class Conflict(ApiError):
    """409: the job_id is taken by other content, or the job's state does not allow it."""


class RateLimited(ApiError):
    """429: too many requests, or too many queued jobs. Nothing was changed."""


class Unavailable(ApiError):
    """5xx: the site is busy, or its database away. What the request asked for may be done."""


_KINDS = {
    400: InvalidRequest,
    401: NotAuthenticated,
    403: NotAllowed,
    404: NotFound,
    409: Conflict,
    413: InvalidRequest,
    415: InvalidRequest,
    429: RateLimited,
}


def error_of(status: int, body: bytes, retry_after: float | None) -> ApiError:
    """Return the error that an answer tells of. A body that is no problem details counts as empty."""
    problem = _problem(body)
    detail = str(problem.get("detail") or problem.get("title") or _phrase(status))
    kind = _KINDS.get(status, Unavailable if status >= 500 else ApiError)
    try:
        errors = msgspec.convert(problem.get("errors") or [], list[FieldError])
    except msgspec.ValidationError:
        errors = []
    return kind(status, detail, errors, retry_after=retry_after, problem=problem)


def _problem(body: bytes) -> dict[str, Any]:
    try:
        problem = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}
    return problem if isinstance(problem, dict) else {}


def _phrase(status: int) -> str:
    try:
        return f"The server answered {status} {HTTPStatus(status).phrase}."
    except ValueError:
        return f"The server answered {status}."
