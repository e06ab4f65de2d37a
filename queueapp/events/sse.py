"""Server-sent events as bytes (HTML standard, "Server-sent events"). Pure: no Django, no I/O."""

from __future__ import annotations

import json
from typing import Any

from .gzip_body import Part

KEEP_ALIVE = Part(b": still here\n\n")
"""A comment. It keeps proxies from closing a quiet stream, and makes a write fail once the client has left."""


def retry(milliseconds: int) -> bytes:
    """Return the field that tells the client how long to wait before it reconnects."""
    return f"retry: {milliseconds}\n\n".encode()


def data(value: Any) -> Part:
    """Return the value as an event's data: one line, as JSON has no raw line breaks. Encoded once for all streams."""
    return Part(f"data: {json.dumps(value, separators=(',', ':'), ensure_ascii=False)}\n\n".encode())


def head(name: str, number: int | None = None) -> bytes:
    """Return the beginning of an event, with an id if one is given; data() follows."""
    return (f"event: {name}\n" if number is None else f"event: {name}\nid: {number}\n").encode()


def event(name: str, data: bytes, number: int | None = None) -> Part:
    """Return one event, with data from data() and, if given, an id."""
    return Part(head(name, number) + data)
