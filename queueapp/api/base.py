"""Base classes of the API's views."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import transaction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from drf_spectacular.utils import OpenApiResponse
from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated, Throttled
from rest_framework.request import Request
from rest_framework.views import APIView

from .. import tracing
from ..errors import FieldError, InvalidQuery
from ..limits.throttles import request_wait
from .schemas import Problem

PROBLEM = OpenApiResponse(Problem, "An error, as problem details.")
ERRORS = {400: PROBLEM, 401: PROBLEM}
"""Responses of all views in the schema."""


class KnownQuery(APIView):
    """A view that refuses unknown parameters of its query."""

    takes: ClassVar[dict[str, set[str]]] = {}
    """The known parameters, by method."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Admit the request. Raises InvalidQuery if a parameter is unknown."""
        super().initial(request, *args, **kwargs)
        method = "GET" if request.method == "HEAD" else str(request.method)
        if not hasattr(self, method.lower()):
            return  # 405, whatever the query
        if unknown := sorted(set(request.query_params) - self.takes.get(method, set())):
            raise InvalidQuery([FieldError(name, "there is no such parameter here") for name in unknown])


class ProtectedView(KnownQuery):
    """A view that needs a log-in. Requests without one are throttled by address: REST framework throttles only requests
    that it admits."""

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Any:
        """Return the view. It commits on its own with ATOMIC_REQUESTS, too: before it answers, and step by step."""
        return transaction.non_atomic_requests(super().as_view(**initkwargs))

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Answer the request, in the trace of its client."""
        with tracing.within_caller(request.headers):
            return super().dispatch(request, *args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Admit the request. Raises Throttled if too many without a valid token came from its address."""
        try:
            super().initial(request, *args, **kwargs)
        except (AuthenticationFailed, NotAuthenticated):
            if wait := request_wait(request, None):
                raise Throttled(wait) from None
            raise
