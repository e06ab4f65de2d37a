"""Parses JSON of requests. Refuses what Python's parser or PostgreSQL cannot hold."""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Mapping
from typing import IO, Any

from rest_framework.exceptions import APIException, ParseError, UnsupportedMediaType
from rest_framework.parsers import JSONParser

from ..conf import queue_settings
from ..http.body_limit import limit_of, sentence
from ..storable import is_deeper

# A string counts as nothing, even one that never ends; possessive, so that it is read once.
_STRING_OR_VALUE = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|([\[{,:])', re.DOTALL)


class BodyTooLarge(APIException):
    """The body is larger than the limit of its address."""

    status_code = 413


class BoundedJSONParser(JSONParser):
    """Parses JSON with bounded bytes, bounded nesting and a bounded number of values."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """Return the data.

        Raises ParseError if it is malformed, UnsupportedMediaType if it is not UTF-8, and BodyTooLarge, which a site
        with http/body_limit.py in front does not come to.

        Python knows encodings that unpack (zlib), and would take a small request for a large one.
        """
        encoding = str((parser_context or {}).get("encoding") or "utf-8")
        if codecs.lookup(encoding).name != "utf-8":
            raise UnsupportedMediaType(f"application/json; charset={encoding}")
        most = queue_settings().MAX_BULK_VALUES
        limit = limit_of(getattr((parser_context or {}).get("request"), "path", ""))
        raw = stream.read(limit + 1)
        if len(raw) > limit:
            raise BodyTooLarge(sentence(limit))
        if has_more_values(raw, most):
            raise ParseError(f"JSON parse error - more than {most:,} values")
        try:
            data = super().parse(io.BytesIO(raw), media_type, parser_context)
        except RecursionError:
            raise ParseError("JSON parse error - nested too deeply") from None
        if is_deeper(data, queue_settings().MAX_NESTING):
            raise ParseError(f"JSON parse error - nested more than {queue_settings().MAX_NESTING} deep")
        return data


def has_more_values(raw: bytes, most: int) -> bool:
    """Whether this JSON has more than `most` values. Uses no memory in proportion to it.

    Python needs 25 times the size of "{},{},{}" for it: bytes alone are no limit of memory.
    """
    if sum(map(raw.count, (b"{", b"[", b",", b":"))) <= most:
        return False  # as nearly always; else some may be in strings
    values = 0
    for found in _STRING_OR_VALUE.finditer(raw):
        values += found[1] is not None
        if values > most:
            return True
    return False
