"""The schema, and Swagger's page. Scripts and styles are files, as the Content Security Policy demands."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.request import Request
from rest_framework.response import Response

from .base import KnownQuery


class SchemaView(KnownQuery, SpectacularAPIView):
    """The schema of the API."""

    takes: ClassVar = {"GET": {"format", "lang"}}


class DocsView(KnownQuery, SpectacularSwaggerSplitView):
    """Swagger's page."""

    takes: ClassVar = {"GET": {"script"}}

    @extend_schema(exclude=True)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The page; with ?script= its script."""
        response: Response = super().get(request, *args, **kwargs)  # type: ignore[no-untyped-call]
        # The package opens the page to windows of other sites, for OAuth; there is none here.
        del response.headers["Cross-Origin-Opener-Policy"]
        return response
