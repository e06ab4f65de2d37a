"""The page of what a user used in the last days. It works without scripts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from ..models import Owner
from ..snapshots import shapes, use_of
from . import humanize
from .whose import of_owner, whose_context

SLOT, BAR, HIGH = 20, 14, 100
"""Units of the pictures: the width of a day and of its bar, and the height of the highest bar."""


@transaction.non_atomic_requests  # its query is of one moment, which a transaction around it would prevent
@never_cache
@of_owner
@require_safe
def use_page(request: HttpRequest, owner: Owner) -> HttpResponse:
    """Return the page: pictures and tables of what the owner used, by day and by task."""
    use = use_of(owner)
    days = [{**_shown(day), "date": date.fromisoformat(day["day"])} for day in use["days"]]
    context = {
        **whose_context(request, owner),
        "days": days,
        "newest_first": days[::-1],
        "tasks": [_shown(task) for task in use["tasks"]],
        "total": _shown(use["total"]),
        "wide": SLOT * len(days),
        "high": HIGH,
        "pictures": _pictures(days),
    }
    return render(request, "queueapp/use.html", context)


def _shown(sums: shapes.UseSums) -> dict[str, Any]:
    """Return the sums, with `jobs`, all that ended, and the texts of a row."""
    jobs = sums["succeeded"] + sums["failed"] + sums["cancelled"]
    spent = humanize.seconds(sums["time_spent"]) if sums["time_spent"] else gettext("%(number)s s") % {"number": 0}
    counts = (jobs, sums["failed"], sums["cancelled"])
    return {**sums, "jobs": jobs, "texts": [spent, *map(humanize.number, counts)]}


def _pictures(days: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    most_spent = max(days, key=lambda day: day["time_spent"])
    most_jobs = max(days, key=lambda day: day["jobs"])
    failed = _bars([day["failed"] for day in days], most_jobs["jobs"], "use-failed")
    return [
        {
            "name": gettext("Processor time per day"),
            "most": most_spent["texts"][0],
            "bars": _bars([day["time_spent"] for day in days], most_spent["time_spent"], "use-bar"),
        },
        {
            "name": gettext("Jobs per day"),
            "most": most_jobs["texts"][1],
            "bars": _bars([day["jobs"] for day in days], most_jobs["jobs"], "use-bar") + failed,
            "has_failed": bool(failed),
        },
    ]


def _bars(values: Sequence[float], most: float, name: str) -> list[dict[str, Any]]:
    """Return a bar for each value above 0. One that is small beside the others can still be seen."""
    bars = []
    for at, value in enumerate(values):
        if value:
            high = max(HIGH * value / most, 1.0)
            across = {"x": at * SLOT + (SLOT - BAR) // 2, "wide": BAR}
            bars.append({**across, "y": f"{HIGH - high:.4g}", "high": f"{high:.4g}", "is": name})
    return bars
