"""The endpoints that act on all jobs that match a filter."""

from __future__ import annotations

from typing import ClassVar, TypeVar

from drf_spectacular.utils import OpenApiResponse
from rest_framework.request import Request
from rest_framework.response import Response

from ..lifecycle.job_filter import (
    CancelFilter,
    Cancelled,
    JobFilter,
    Moved,
    MoveFilter,
    Retried,
    RetryFilter,
    parse_filter,
)
from ..lifecycle.matching import cancel_matching, move_matching, try_again_matching
from ..lifecycle.staff_log import note_matching
from ..models import Owner
from ..models.api_key import Scope
from .base import ERRORS, PROBLEM, ProtectedView
from .bulk import bulk_turn
from .described import described
from .schemas import Problem
from .whose import NAMES, WHOSE, asking, owner_in_query

F = TypeVar("F", bound=JobFilter)


class CancelMatchingView(ProtectedView):
    """An end for many of my jobs."""

    takes: ClassVar = {"POST": NAMES}
    scopes: ClassVar = {"POST": Scope.CANCEL}

    @described(
        operation_id="jobs_cancel_matching",
        summary="Cancel all jobs that match a filter",
        parameters=WHOSE,
        request=CancelFilter,
        responses={200: OpenApiResponse(Cancelled, "What came of them."), 403: PROBLEM, **ERRORS},
    )
    def post(self, request: Request) -> Response:
        owner, asked = _asked(request, CancelFilter, "Cancelled")
        return Response(cancel_matching(owner, asked).model_dump())


class MoveMatchingView(ProtectedView):
    """Another order for many of my jobs."""

    takes: ClassVar = {"POST": NAMES}
    scopes: ClassVar = {"POST": Scope.CANCEL}

    @described(
        operation_id="jobs_move_matching",
        summary="Move all waiting jobs that match a filter to the front or the back of my own flow",
        parameters=WHOSE,
        request=MoveFilter,
        responses={
            200: OpenApiResponse(Moved, "What came of them."),
            403: PROBLEM,
            409: OpenApiResponse(Problem, "The flow is not the owner's alone."),
            **ERRORS,
        },
    )
    def post(self, request: Request) -> Response:
        owner, asked = _asked(request, MoveFilter, "Moved")
        return Response(move_matching(owner, asked).model_dump())


class RetryMatchingView(ProtectedView):
    """Another chance for many of my jobs."""

    takes: ClassVar = {"POST": NAMES}
    scopes: ClassVar = {"POST": Scope.CANCEL}

    @described(
        operation_id="jobs_try_again_matching",
        summary="Try all failed and cancelled jobs again that match a filter",
        parameters=WHOSE,
        request=RetryFilter,
        responses={200: OpenApiResponse(Retried, "What came of them."), 403: PROBLEM, **ERRORS},
    )
    def post(self, request: Request) -> Response:
        owner, asked = _asked(request, RetryFilter, "Tried again")
        return Response(try_again_matching(owner, asked).model_dump())


def _asked(request: Request, shape: type[F], what: str) -> tuple[Owner, F]:
    """Return whose jobs are meant, and which. Notes what staff do before it is done: it stands if that is cut off."""
    owner = owner_in_query(request)
    with bulk_turn():  # ten thousand names may come along
        asked = parse_filter(shape, request.data)
    note_matching(asking(request), owner, f"{what} through the API", asked.model_dump_json(exclude_unset=True))
    return owner, asked
