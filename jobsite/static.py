"""Static files, served without collectstatic, at URLs that contain a hash of all static files; and the docs site.

Browsers cache such a file for a year: `/static/3f2a.../queueapp/app.js`. All URLs have the same hash, so scripts import
each other, and styles name pictures, by relative URLs. The docs site is looked up with each request, as it may be
built anew while this one runs.
"""

from __future__ import annotations

import gzip
import hashlib
import re
from functools import lru_cache
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import StaticFilesStorage
from django.http import HttpRequest, HttpResponse
from django.middleware.gzip import re_accepts_gzip
from django.utils.cache import patch_vary_headers
from servestatic.middleware import ServeStaticMiddleware

TEXT = ("text/", "application/json", "image/svg+xml")
VERSIONED = re.compile(r"(?P<prefix>.*/)(?P<version>[0-9a-f]{16})/(?P<name>.+)")
FOR_A_YEAR = "max-age=31536000, public, immutable"


@lru_cache(maxsize=1)
def version() -> str:
    """Return the hash of all static files, 16 hexadecimal digits. The first call reads them all."""
    hashed = hashlib.sha256()
    for name, path in sorted(_files()):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        hashed.update(f"{name}\0{content}\n".encode())
    return hashed.hexdigest()[:16]


def _files() -> set[tuple[str, Path]]:
    return {(name, Path(storage.path(name))) for finder in finders.get_finders() for name, storage in finder.list(None)}


class VersionedStorage(StaticFilesStorage):
    """Storage whose URLs contain the hash, except with DEBUG: then files may change while the site runs."""

    def url(self, name: str | None) -> str:
        """Return the URL of a file."""
        plain = super().url(name)
        if settings.DEBUG or not plain.startswith(base := self.base_url or ""):
            return plain
        return f"{base}{version()}/{plain.removeprefix(base)}"


class StaticMiddleware(ServeStaticMiddleware):  # type: ignore[misc]  # it has no types
    """servestatic's middleware, with URLs that contain the hash, and the docs site. Text files are sent compressed."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.insert_directory(settings.DOCS_ROOT, settings.DOCS_URL)

    async def __call__(self, request: HttpRequest) -> Any:
        """Return the file.

        With another version's hash, as during an upgrade, its max-age is that of servestatic: a minute by default.
        """
        if request.path_info.startswith(settings.DOCS_URL):
            page = await sync_to_async(self.find_file, thread_sensitive=False)(request.path_info)
            return await (self.get_response(request) if page is None else self.aserve(page, request))
        found = VERSIONED.fullmatch(request.path_info)
        if found is None or found["prefix"] != self.static_prefix:
            return await super().__call__(request)
        file = self.files.get(found["prefix"] + found["name"])
        if file is None:
            return await self.get_response(request)
        response = await self.aserve(file, request)
        if found["version"] == version():
            response["Cache-Control"] = FOR_A_YEAR
        return response

    @staticmethod
    async def aserve(static_file: Any, request: HttpRequest) -> Any:
        """Return the file, compressed if the client accepts gzip and asks for the whole file."""
        response = await ServeStaticMiddleware.aserve(static_file, request)
        if not response.get("Content-Type", "").startswith(TEXT) or response.has_header("Content-Encoding"):
            return response
        patch_vary_headers(response, ("Accept-Encoding",))
        accepted = re_accepts_gzip.search(request.META.get("HTTP_ACCEPT_ENCODING", ""))
        if not accepted or request.method != "GET" or response.status_code != 200 or "HTTP_RANGE" in request.META:
            return response
        if static_file not in _compressed:
            content = b"".join([part async for part in response])
            _compressed[static_file] = await sync_to_async(gzip.compress, thread_sensitive=False)(content)
        response.close()
        packed = _compressed[static_file]
        own = {"Content-Encoding": "gzip", "Content-Length": str(len(packed))}
        return HttpResponse(packed, headers=dict(response.items()) | own)


_compressed: WeakKeyDictionary[Any, bytes] = WeakKeyDictionary()
"""Compressed text files, in memory: at most one entry for each static file."""
