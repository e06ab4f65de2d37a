"""Compression (gzip) of pages, answers and static files, for clients that accept it. Event streams are left alone."""

from __future__ import annotations

import gzip
from collections.abc import Awaitable, Callable
from typing import Any, cast

from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.middleware.gzip import GZipMiddleware, re_accepts_gzip
from django.utils.cache import patch_vary_headers
from servestatic.middleware import ServeStaticMiddleware

from .gate import AtOnce

LARGE = 65_536
"""Bytes from which on an answer is compressed in a thread: other requests do not wait for it."""
TEXT = ("text/", "application/json", "image/svg+xml")


class CompressionMiddleware(AtOnce, GZipMiddleware):
    """Django's, which adds a random number of bytes to each answer, so that its length tells less (BREACH)."""

    async def __acall__(self, request: HttpRequest) -> HttpResponseBase:
        """The response, compressed where that is of use."""
        response = await cast(Callable[[HttpRequest], Awaitable[HttpResponseBase]], self.get_response)(request)
        if isinstance(response, HttpResponse) and len(response.content) >= LARGE:
            return await sync_to_async(self.process_response, thread_sensitive=False)(request, response)
        return self.process_response(request, response)

    def process_response(self, request: HttpRequest, response: Any) -> HttpResponseBase:
        """The same response; its content may be compressed now."""
        if response.streaming:  # a static file or an event stream
            return cast(HttpResponseBase, response)
        return super().process_response(request, response)


_compressed: dict[tuple[str, str], bytes] = {}
"""Static files, by path and ETag: no more than there are."""


class StaticMiddleware(ServeStaticMiddleware):  # type: ignore[misc]  # it has no types
    """servestatic's, which compresses each text file when it is first asked for, and keeps that in memory."""

    @staticmethod
    async def aserve(static_file: Any, request: HttpRequest) -> Any:
        """The file; compressed where the client accepts that and wants the whole of it."""
        response = await ServeStaticMiddleware.aserve(static_file, request)
        if not response.get("Content-Type", "").startswith(TEXT) or response.has_header("Content-Encoding"):
            return response
        patch_vary_headers(response, ("Accept-Encoding",))
        accepted = re_accepts_gzip.search(request.META.get("HTTP_ACCEPT_ENCODING", ""))
        if not accepted or request.method != "GET" or response.status_code != 200 or "HTTP_RANGE" in request.META:
            return response
        key = request.path_info, response.get("ETag", "")
        if key not in _compressed:
            content = b"".join([part async for part in response])
            _compressed[key] = await sync_to_async(gzip.compress, thread_sensitive=False)(content)
        response.close()
        own = {"Content-Encoding": "gzip", "Content-Length": str(len(_compressed[key]))}
        return HttpResponse(_compressed[key], headers=dict(response.items()) | own)
