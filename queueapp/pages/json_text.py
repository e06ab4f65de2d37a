"""JSON that a person has typed into a form."""

from __future__ import annotations

import json
from typing import Any

from django.utils.translation import gettext

from ..conf import queue_settings
from ..i18n import gettext_noop
from ..storable import is_deeper

_MISTAKES = (
    gettext_noop("Expecting value"),
    gettext_noop("Expecting property name enclosed in double quotes"),
    gettext_noop("Expecting ':' delimiter"),
    gettext_noop("Expecting ',' delimiter"),
    gettext_noop("Extra data"),
    gettext_noop("Unterminated string starting at"),
    gettext_noop("Invalid control character at"),
    gettext_noop("Invalid \\escape"),
    gettext_noop("Invalid \\uXXXX escape"),
    gettext_noop("Illegal trailing comma before end of object"),
    gettext_noop("Illegal trailing comma before end of array"),
)
"""What Python's parser says, found here for catalogs."""


def parse_json(text: str) -> Any:
    """Return the value in a text. Raises ValueError, in words for the user."""
    most = queue_settings().MAX_NESTING
    try:
        value = json.loads(text)
    except RecursionError:
        raise ValueError(_too_deep(most)) from None
    except json.JSONDecodeError as wrong:
        text = gettext("is not JSON: %(why)s: line %(line)s column %(column)s (char %(place)s)")
        where = {"line": wrong.lineno, "column": wrong.colno, "place": wrong.pos}
        raise ValueError(text % {"why": gettext(wrong.msg), **where}) from None
    except ValueError as wrong:
        raise ValueError(gettext("is not JSON: %(why)s") % {"why": wrong}) from None
    if is_deeper(value, most):
        raise ValueError(_too_deep(most))
    return value


def _too_deep(most: int) -> str:
    return gettext("is nested more than %(most)s deep") % {"most": most}
