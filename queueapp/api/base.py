"""What the API's views have in common."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated, Throttled
from rest_framework.request import Request
from rest_framework.views import APIView

from ..errors import FieldError, InvalidQuery
from ..limits.throttles import request_wait


class KnownQuery(APIView):
    """A view that refuses unknown parameters of its query."""

    takes: ClassVar[dict[str, set[str]]] = {}
    """By method, the parameters that it knows."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Let the request in. Raises InvalidQuery where a parameter is unknown."""
        super().initial(request, *args, **kwargs)
        method = "GET" if request.method == "HEAD" else str(request.method)
        if not hasattr(self, method.lower()):
            return  # 405, whatever the query
        if unknown := sorted(set(request.query_params) - self.takes.get(method, set())):
            raise InvalidQuery([FieldError(name, "there is no such parameter here") for name in unknown])


class ProtectedView(KnownQuery):
    """A view for those who have logged in. Others are counted by address: REST framework throttles only whom it lets
    in."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Let the request in. Raises Throttled where too many came from its address without a valid token."""
        try:
            super().initial(request, *args, **kwargs)
        except (AuthenticationFailed, NotAuthenticated):
            if wait := request_wait(request, None):
                raise Throttled(wait) from None
            raise
