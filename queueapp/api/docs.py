"""The schema, and Swagger's page. Scripts and styles are files, as the Content Security Policy demands."""

from __future__ import annotations

import threading
from typing import Any, ClassVar

from drf_spectacular.settings import patched_settings
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from .base import KnownQuery
from .described import described
from .openapi import SETTINGS

_settings = threading.Lock()
"""drf-spectacular has one set of settings for all threads: those of the queue are in force while a response is made."""


class SchemaView(KnownQuery, SpectacularAPIView):
    """The schema of the API. The project's own SPECTACULAR_SETTINGS are for its own schema."""

    takes: ClassVar = {"GET": {"format", "lang"}}
    authentication_classes = []  # it is for anybody: a program may send its key along or not
    renderer_classes = SpectacularAPIView.renderer_classes
    permission_classes = [AllowAny]
    custom_settings = SETTINGS

    @described(exclude=True)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The schema, as JSON or YAML."""
        with _settings:
            response: Response = super().get(request, *args, **kwargs)  # type: ignore[no-untyped-call]
        return response


class DocsView(KnownQuery, SpectacularSwaggerSplitView):
    """Swagger's page."""

    takes: ClassVar = {"GET": {"script"}}
    authentication_classes = []
    renderer_classes = SpectacularSwaggerSplitView.renderer_classes
    permission_classes = [AllowAny]
    template_name = "queueapp/docs.html"
    title = SETTINGS["TITLE"]

    @described(exclude=True)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The page; with ?script= its script."""
        with _settings, patched_settings(SETTINGS):
            response: Response = super().get(request, *args, **kwargs)  # type: ignore[no-untyped-call]
        # The package opens the page to windows of other sites, for OAuth; there is none here.
        del response.headers["Cross-Origin-Opener-Policy"]
        return response
