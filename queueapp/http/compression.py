"""Compression (gzip) of responses, for clients that accept it. Static files: jobsite/static.py."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, cast

from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.middleware.gzip import GZipMiddleware

from .middleware import NoThreadHop

THREADED_FROM_BYTES = 65_536
"""Bytes from which a response is compressed in a thread, so that other requests do not wait for it."""


class CompressionMiddleware(NoThreadHop, GZipMiddleware):
    """Django's: adds random bytes to each response that it compresses, so that the length tells less (BREACH)."""

    async def __acall__(self, request: HttpRequest) -> HttpResponseBase:
        """Return the response, compressed if that makes it shorter."""
        response = await cast(Callable[[HttpRequest], Awaitable[HttpResponseBase]], self.get_response)(request)
        if isinstance(response, HttpResponse) and len(response.content) >= THREADED_FROM_BYTES:
            return await sync_to_async(self.process_response, thread_sensitive=False)(request, response)
        return self.process_response(request, response)

    def process_response(self, request: HttpRequest, response: Any) -> HttpResponseBase:
        """Return the same response, perhaps with compressed content."""
        if response.streaming:  # a static file or an event stream
            return cast(HttpResponseBase, response)
        return super().process_response(request, response)
