"""Server-sent events as bytes. Pure: no Django, no I/O. Source: the HTML standard, "Server-sent events"."""

from __future__ import annotations

import json
from typing import Any

KEEP_ALIVE = b": still here\n\n"
"""A comment: keeps proxies from closing a quiet stream, and lets a write fail where the client is gone."""


def retry(milliseconds: int) -> bytes:
    """Tells the client how long to wait before it reconnects."""
    return f"retry: {milliseconds}\n\n".encode()


def data(value: Any) -> bytes:
    """The value as an event's JSON data, on one line, as JSON has no raw line breaks; encoded once for all streams."""
    return f"data: {json.dumps(value, separators=(',', ':'), ensure_ascii=False)}\n\n".encode()


def event(name: str, data: bytes, number: int | None = None) -> bytes:
    """One event with its data as data() gives it and, where given, an id."""
    head = f"event: {name}\n" if number is None else f"event: {name}\nid: {number}\n"
    return head.encode() + data
