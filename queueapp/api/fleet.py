"""The endpoint of the fleet, for staff."""

from __future__ import annotations

from django.core.exceptions import ValidationError as ModelError
from pydantic import ValidationError
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from ..errors import FieldError, InvalidSubmission
from ..lifecycle.fleet import set_bounds
from ..lifecycle.validation import field_errors
from ..snapshots.fleet_state import fleet_state
from . import schemas
from .base import ERRORS, PROBLEM, ProtectedView
from .described import described


class FleetView(ProtectedView):
    """The number of processors, and its bounds."""

    @described(
        operation_id="fleet",
        summary="For staff: how many processors there are and should be, and why",
        responses={200: schemas.Fleet, 401: PROBLEM, 403: PROBLEM},
    )
    def get(self, request: Request) -> Response:
        _require(request, "view")
        return Response(fleet_state())

    @described(
        operation_id="fleet_bound",
        summary="For staff: set the bounds of the number of processors, or the target wait",
        request=schemas.FleetBounds,
        responses={200: schemas.Fleet, 403: PROBLEM, **ERRORS},
    )
    def patch(self, request: Request) -> Response:
        _require(request, "change")
        try:
            given = schemas.FleetBounds.model_validate(request.data)
            set_bounds(**given.model_dump(exclude_unset=True))
        except ValidationError as wrong:
            raise InvalidSubmission(list(field_errors(wrong, "body"))) from None
        except ModelError as wrong:
            raise InvalidSubmission(
                [FieldError(field, " ".join(said)) for field, said in wrong.message_dict.items()]
            ) from None
        return Response(fleet_state())


def _require(request: Request, what: str) -> None:
    user = request.user
    if not getattr(user, "is_staff", False) or not user.has_perm(f"queueapp.{what}_fleet"):
        raise PermissionDenied(f"Only staff who may {what} the fleet may do this.")
