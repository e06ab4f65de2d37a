"""JSON from outside: what Python's parser or PostgreSQL could not bear is refused as malformed."""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from typing import IO, Any

from rest_framework.exceptions import ParseError, UnsupportedMediaType
from rest_framework.parsers import JSONParser

from ..conf import queue_settings


class BoundedJSONParser(JSONParser):
    """JSON that is nested no deeper than it may be. How long it may be is decided by guard/bodies.py."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """The data. Raises ParseError where it is malformed, UnsupportedMediaType where it is not in UTF-8.

        Python knows encodings that unpack (zlib), and would take a small request for a large one.
        """
        encoding = str((parser_context or {}).get("encoding") or "utf-8")
        if codecs.lookup(encoding).name != "utf-8":
            raise UnsupportedMediaType(f"application/json; charset={encoding}")
        try:
            data = super().parse(stream, media_type, parser_context)
        except RecursionError:
            raise ParseError("JSON parse error - nested too deeply") from None
        if is_deeper(data, queue_settings().MAX_NESTING):
            raise ParseError(f"JSON parse error - nested more than {queue_settings().MAX_NESTING} deep")
        return data


def is_deeper(data: Any, most: int) -> bool:
    """Whether lists and objects lie in one another more than `most` deep. One level at a time, without recursion."""
    level = [data] if isinstance(data, dict | list) else []
    for _ in range(most):
        if not level:
            return False
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
    return bool(level)
