"""The span that a page of the console shows, as its address names it."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from ..snapshots.slices import Slices, slices

SPANS = {
    "5min": (gettext_lazy("5 min"), timedelta(minutes=5)),
    "hour": (gettext_lazy("1 h"), timedelta(hours=1)),
    "day": (gettext_lazy("24 h"), timedelta(days=1)),
    "week": (gettext_lazy("7 d"), timedelta(days=7)),
    "month": (gettext_lazy("30 d"), timedelta(days=30)),
}
"""Spans that end now, by their names in the address, with the words for them."""
USUAL = "hour"


def chosen(request: HttpRequest) -> str:
    """Return the name of the span that the address names, else of the usual one."""
    name = request.GET.get("span", USUAL)
    return name if name in SPANS else USUAL


def slices_of(name: str, now: datetime) -> Slices:
    """Return the slices of a span that ends now: whole minutes, or longer."""
    return slices(now - SPANS[name][1], now, now)
