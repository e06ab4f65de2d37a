"""What PostgreSQL can keep of what comes from outside: JSON and text, checked before they reach a statement."""

from __future__ import annotations

import json
import re
from typing import Any

_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
"""The escape of a NUL in JSON text; not the six characters of one, whose backslash is escaped itself."""

_dumps = json.dumps


def json_text(value: Any) -> str:
    """The value as JSON text that a `jsonb` column takes. Raises what json.dumps raises, and ValueError."""
    text = _dumps(value, allow_nan=False, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("It has text that is not valid Unicode.") from None
    if has_nul(text):
        raise ValueError("It has a NUL character.")
    return text


def has_nul(text: str) -> bool:
    """Whether this JSON text has a NUL, which no column takes."""
    return _NUL.search(text) is not None


def clean_text(value: object, most: int) -> str:
    """The value as text of at most so many characters that a `text` column takes: what it cannot take is replaced.

    Raises what `str(value)` raises.
    """
    text = value if isinstance(value, str) else str(value)
    # The methods of str itself: a subclass may have others.
    kept = str.__getitem__(text, slice(most))
    return str.encode(kept, errors="replace").decode().replace("\x00", "")


def cut_middle(text: str, most: int) -> str:
    """The text; of a longer one its beginning and its end, with a note of how much is left out between them."""
    if len(text) <= most:
        return text
    half = most // 2
    return f"{text[:half]}\n[... {len(text) - 2 * half:,} characters left out ...]\n{text[-half:]}"
