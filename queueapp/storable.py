"""JSON and text from outside, checked or cleaned so that PostgreSQL can store them, before a statement has them."""

from __future__ import annotations

import json
import re
from typing import Any

_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
"""The escape of a NUL in JSON text. An escaped backslash followed by u0000 is not one."""

_dumps = json.dumps


def json_text(value: Any) -> str:
    """Return the value as JSON text that a `jsonb` column takes.

    Raises what json.dumps raises, and ValueError for a NUL or for text that is not valid Unicode.
    """
    text = _dumps(value, allow_nan=False, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("It has text that is not valid Unicode.") from None
    if has_nul(text):
        raise ValueError("It has a NUL character.")
    return text


def has_nul(text: str) -> bool:
    """Whether this JSON text has a NUL, which no `jsonb` column can store."""
    return _NUL.search(text) is not None


def clean_text(value: object, most: int) -> str:
    """Return the value as text of at most `most` characters that a `text` column takes.

    Each lone surrogate becomes "?", and NULs are removed. Raises what `str(value)` raises.
    """
    text = value if isinstance(value, str) else str(value)
    # str's own methods, as a subclass may override them.
    kept = str.__getitem__(text, slice(most))
    return str.encode(kept, errors="replace").decode().replace("\x00", "")


def cut_middle(text: str, most: int) -> str:
    """Return the text; of one with more than `most` characters, its beginning and its end.

    A note between them says how much is left out. It adds to the length.
    """
    if len(text) <= most:
        return text
    half = most // 2
    return f"{text[:half]}\n[... {len(text) - 2 * half:,} characters left out ...]\n{text[-half:]}"


def is_deeper(data: Any, most: int) -> bool:
    """Whether lists and objects are nested more than `most` deep. Checks level by level, without recursion."""
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
