"""Formats of the admin for moments, durations, JSON and links."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Model
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

EMPTY_VALUE = "-"
"""Shown in place of a missing value, as in Django."""


def seconds(length: float | None) -> str:
    """Return a duration in at most two units, e.g. "0.25 s", "3 min 20 s", "2 h 5 min"."""
    if length is None:
        return EMPTY_VALUE
    if length < 59.95:
        return _joined(f"{length:.3g}", "s")
    minutes, rest = divmod(round(length), 60)
    if minutes < 60:
        return _joined(minutes, "min", rest, "s")
    hours, minutes = divmod(minutes, 60)
    return _joined(hours, "h", minutes, "min") if hours < 48 else _joined(hours // 24, "d", hours % 24, "h")


def _joined(*parts: int | str) -> str:
    """Join numbers and units by no-break spaces: a narrow column must not wrap them."""
    return "\N{NO-BREAK SPACE}".join(map(str, parts))


def moment(when: datetime | None) -> str:
    """Return the date and the time, to the second, in the current time zone."""
    return EMPTY_VALUE if when is None else date_format(timezone.localtime(when), "Y-m-d H:i:s")


def brief_moment(when: datetime | None) -> str:
    """Return the time of day if it is today, else the date and the minute: a column is narrow."""
    if when is None:
        return EMPTY_VALUE
    local = timezone.localtime(when)
    return date_format(local, "H:i:s" if local.date() == timezone.localdate() else "Y-m-d H:i")


def ago(when: datetime) -> str:
    """Return how long ago it was, and when, e.g. "20 s ago (12:00:05)"."""
    passed = max((timezone.now() - when) / timedelta(seconds=1), 0.0)
    return f"{seconds(round(passed))} ago ({brief_moment(when)})"


def table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> SafeString | str:
    """Return rows as a table."""
    cells = [(format_html_join("", "<td>{}</td>", ((cell,) for cell in row)),) for row in rows]
    if not cells:
        return EMPTY_VALUE
    head = format_html_join("", '<th scope="col">{}</th>', ((heading,) for heading in headings))
    body = format_html_join("", "<tr>{}</tr>", cells)
    return format_html("<table><thead><tr>{}</tr></thead><tbody>{}</tbody></table>", head, body)


def percent(fraction: float) -> str:
    """Return a fraction from 0 to 1 as a percentage, rounded down so that 100 % means done."""
    return f"{int(fraction * 100)} %"


def pretty_json(value: Any) -> SafeString:
    """Return a JSON value, indented, with its line breaks."""
    return block(json.dumps(value, indent=2, ensure_ascii=False))


def block(text: str) -> SafeString:
    """Return a text as it is, with its line breaks."""
    return format_html("<pre>{}</pre>", text)


def scrolling(text: str) -> SafeString:
    """Return the same in a box that scrolls, for a text that may be long."""
    return format_html('<pre class="scrolls" tabindex="0">{}</pre>', text)


def link(target: Model | None) -> SafeString | str:
    """Return the object's name as a link to its page in the admin; EMPTY_VALUE for None."""
    if target is None:
        return EMPTY_VALUE
    place = f"admin:{target._meta.app_label}_{target._meta.model_name}_change"
    return format_html('<a href="{}">{}</a>', reverse(place, args=[target.pk]), target)
