"""JSON that a person has typed into a form."""

from __future__ import annotations

import json
from typing import Any

from ..conf import queue_settings
from ..storable import is_deeper


def parse_json(text: str) -> Any:
    """Return the value in a text. Raises ValueError, in words for the user."""
    most = queue_settings().MAX_NESTING
    try:
        value = json.loads(text)
    except RecursionError:
        raise ValueError(f"is nested more than {most} deep") from None
    except ValueError as wrong:
        raise ValueError(f"is not JSON: {wrong}") from None
    if is_deeper(value, most):
        raise ValueError(f"is nested more than {most} deep")
    return value
