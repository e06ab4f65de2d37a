"""The span of time that a page shows, as its address names it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils import timezone

from ..formatting import moment

LAST = {
    "15min": ("15 minutes", timedelta(minutes=15)),
    "hour": ("hour", timedelta(hours=1)),
    "day": ("day", timedelta(days=1)),
    "week": ("week", timedelta(weeks=1)),
}
"""Spans that end now, by their names in the address."""
USUAL = "hour"
LONGEST = timedelta(days=31)
_FORMAT = "%Y-%m-%dT%H:%M"


@dataclass(frozen=True)
class Span:
    """A span of time. `last`: its name in LAST, if it is one of these."""

    begin: datetime
    until: datetime
    last: str | None = None

    @property
    def title(self) -> str:
        """The span in words."""
        return f"The last {LAST[self.last][0]}" if self.last else f"{moment(self.begin)} to {moment(self.until)}"

    @property
    def ticks(self) -> list[str]:
        """Five moments, evenly spaced from start to end, as precise as the span needs."""
        length = self.until - self.begin
        how = "%H:%M" if length <= timedelta(days=1) else "%a %H:%M" if length <= timedelta(days=8) else "%b %d"
        return [timezone.localtime(self.begin + length * part / 4).strftime(how) for part in range(5)]


class SpanForm(forms.Form):
    """The start and the end of a span, in the site's time zone."""

    begin = forms.DateTimeField(label="From", widget=forms.DateTimeInput({"type": "datetime-local"}, _FORMAT))
    until = forms.DateTimeField(label="To", widget=forms.DateTimeInput({"type": "datetime-local"}, _FORMAT))

    def clean(self) -> dict[str, Any]:
        """Raise ValidationError unless the start is past, before the end, and at most LONGEST before it."""
        found = super().clean() or {}
        begin, until = found.get("begin"), found.get("until")
        if begin and until:
            if begin >= min(until, timezone.now()):
                raise forms.ValidationError("The span must begin in the past, and before it ends.")
            if until - begin > LONGEST:
                raise forms.ValidationError(f"Choose at most {LONGEST.days} days.")
        return found


def chosen(query: QueryDict) -> tuple[Span, SpanForm]:
    """Return the span that the address names, else the usual one, and the form to choose another, with its errors.

    The span ends now at the latest.
    """
    now = timezone.now()
    if "begin" in query or "until" in query:
        form = SpanForm(query)
        if form.is_valid():
            return Span(form.cleaned_data["begin"], min(form.cleaned_data["until"], now)), form
        return _last(USUAL, now), form
    span = _last(query.get("span", USUAL), now)
    return span, SpanForm(initial={"begin": span.begin, "until": span.until})


def _last(name: str, now: datetime) -> Span:
    name = name if name in LAST else USUAL
    return Span(now - LAST[name][1], now, name)
