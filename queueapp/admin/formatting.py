"""How the admin writes moments, lengths of time, JSON and links."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Model
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString

NOTHING = "-"
"""What stands where there is nothing to show; as Django has it."""


def seconds(length: float | None) -> str:
    """A length of time in the two units that matter, e.g. "0.25 s", "3 min 20 s", "2 h 5 min"."""
    if length is None:
        return NOTHING
    if length < 59.95:
        return _joined(f"{length:.3g}", "s")
    minutes, rest = divmod(round(length), 60)
    if minutes < 60:
        return _joined(minutes, "min", rest, "s")
    hours, minutes = divmod(minutes, 60)
    return _joined(hours, "h", minutes, "min") if hours < 48 else _joined(hours // 24, "d", hours % 24, "h")


def _joined(*parts: int | str) -> str:
    """Numbers and units on one line, however narrow the column."""
    return "\N{NO-BREAK SPACE}".join(map(str, parts))


def moment(when: datetime | None) -> str:
    """A date and a time of day, to the second, in the present time zone."""
    return NOTHING if when is None else date_format(timezone.localtime(when), "Y-m-d H:i:s")


def brief_moment(when: datetime | None) -> str:
    """The time of day if it is today, else the date and the minute: what fits in a list."""
    if when is None:
        return NOTHING
    local = timezone.localtime(when)
    return date_format(local, "H:i:s" if local.date() == timezone.localdate() else "Y-m-d H:i")


def ago(when: datetime) -> str:
    """How long ago it was, and when."""
    passed = max((timezone.now() - when) / timedelta(seconds=1), 0.0)
    return f"{seconds(round(passed))} ago ({brief_moment(when)})"


def percent(fraction: float) -> str:
    """A fraction from 0 to 1 as a percentage, rounded down so that 100 % means done."""
    return f"{int(fraction * 100)} %"


def pretty_json(value: Any) -> SafeString:
    """A JSON value, indented."""
    return block(json.dumps(value, indent=2, ensure_ascii=False))


def block(text: str) -> SafeString:
    """A text as it is, with its line breaks."""
    return format_html("<pre>{}</pre>", text)


def scrolling(text: str) -> SafeString:
    """The same in a box that scrolls, for a text that may be long."""
    return format_html('<pre class="scrolls" tabindex="0">{}</pre>', text)


def link(target: Model | None) -> SafeString | str:
    """The object's name, leading to its page in the admin."""
    if target is None:
        return NOTHING
    place = f"admin:{target._meta.app_label}_{target._meta.model_name}_change"
    return format_html('<a href="{}">{}</a>', reverse(place, args=[target.pk]), target)
