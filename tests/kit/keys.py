"""API keys for tests."""

from __future__ import annotations

import itertools
from typing import Any

from queueapp.lifecycle.api_keys import make_key, parse_key

_numbers = itertools.count()


def new_key(user: Any, *scopes: str) -> str:
    """Make a key of this user with these scopes, and return its text."""
    _, text = make_key(user, parse_key({"name": f"key-{next(_numbers)}", "scopes": list(scopes)}))
    return text


def prefix_of(text: str) -> str:
    """Return the prefix of a key."""
    return text.rpartition("_")[0]


def bearer(text: str) -> dict[str, str]:
    """Return the header that a key goes into."""
    return {"Authorization": f"Bearer {text}"}
