"""Base classes of the API's views."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

from django.db import transaction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response, set_response_etag
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiResponse
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated, Throttled
from rest_framework.permissions import IsAuthenticated
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from .. import tracing
from ..errors import FieldError, InvalidQuery
from ..http.authentication import authentication_classes
from ..http.problems import rate_limit_headers
from ..limits.throttles import request_wait
from ..models.api_key import Scope
from .authentication import KeyAuthentication, require_scope
from .exceptions import problem_response
from .parsers import BoundedJSONParser
from .schemas import Problem
from .throttles import Throttle

PROBLEM = OpenApiResponse(Problem, "An error, as problem details.")
ERRORS = {400: PROBLEM, 401: PROBLEM}
"""Responses of all views in the schema."""


class KnownQuery(APIView):
    """A view that refuses unknown parameters of its query.

    It needs none of the project's REST_FRAMEWORK: what of that it would use is set here.
    """

    renderer_classes = [JSONRenderer]
    parser_classes = [BoundedJSONParser]
    throttle_classes = [Throttle]
    versioning_class = None
    schema = AutoSchema()
    takes: ClassVar[dict[str, set[str]]] = {}
    """The known parameters, by method."""

    def get_exception_handler(self) -> Callable[[Exception, dict[str, Any]], Response | None]:
        """Return what answers errors: problem details."""
        return problem_response

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Admit the request. Raises InvalidQuery if a parameter is unknown."""
        super().initial(request, *args, **kwargs)
        method = "GET" if request.method == "HEAD" else str(request.method)
        if not hasattr(self, method.lower()):
            return  # 405, whatever the query
        if unknown := sorted(set(request.query_params) - self.takes.get(method, set())):
            raise InvalidQuery([FieldError(name, "there is no such parameter here") for name in unknown])
        given = {**request.query_params.dict(), **kwargs}
        if wrong := [name for name in given if "\x00" in str(given[name])]:
            raise InvalidQuery([FieldError(name, "must not have a NUL character") for name in wrong])

    def finalize_response(self, *args: Any, **kwargs: Any) -> Response:
        """Return the response, with what is left of the rate limit. No cache may keep it, unless it says otherwise."""
        response = super().finalize_response(*args, **kwargs)
        response.headers.setdefault("Cache-Control", "no-store")
        for name, value in rate_limit_headers(self.request).items():
            response.headers[name] = value
        return response


class ProtectedView(KnownQuery):
    """A view that needs a log-in. It is in no transaction of ATOMIC_REQUESTS: the queue repeats its own on a deadlock.

    Requests without a log-in are throttled by address: REST framework throttles only requests that it admits.
    """

    permission_classes = [IsAuthenticated]

    scopes: ClassVar[dict[str, Scope]] = {}
    """The scope that an API key needs, by method. Without one, no key may use the method."""

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Any:
        """Return the view. It commits on its own with ATOMIC_REQUESTS, too: before it answers, and step by step."""
        return transaction.non_atomic_requests(super().as_view(**initkwargs))

    def get_authenticators(self) -> list[BaseAuthentication]:
        """Return what finds the user: API keys, and see authentication_classes()."""
        return [KeyAuthentication(), *(one() for one in authentication_classes())]

    def get_authenticate_header(self, request: Request) -> str:
        """Return WWW-Authenticate of a refusal: as the project's first class has it, else as API keys need it."""
        own, *_ = authentication_classes()
        return own().authenticate_header(request) or KeyAuthentication().authenticate_header(request)

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Answer the request, in the trace of its client."""
        with tracing.within_caller(request.headers):
            return super().dispatch(request, *args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Admit the request. Raises Throttled if too many without a valid token or key came from its
        address, PermissionDenied if it came with a key that lacks the scope."""
        try:
            super().initial(request, *args, **kwargs)
            require_scope(request, self.scopes.get("GET" if request.method == "HEAD" else str(request.method)))
        except (AuthenticationFailed, NotAuthenticated):
            if wait := request_wait(request, None):
                raise Throttled(wait) from None
            raise


class ConditionalView(ProtectedView):
    """A view whose answers have an ETag: 304 without a body if the client has it already."""

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        """Return the response. Its ETag is that of its body, once that is rendered."""
        response = super().finalize_response(request, response, *args, **kwargs)
        if request.method in ("GET", "HEAD") and response.status_code == 200:
            response.add_post_render_callback(partial(_unless_known, request._request))
        return response


def _unless_known(request: HttpRequest, response: Response) -> HttpResponseBase | None:
    set_response_etag(response)
    return get_conditional_response(request, etag=response.headers["ETag"], response=response)
