"""The pages of the console. What each shows is read at most once a second in this process, however many look."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import get_language, gettext_lazy
from django.views.decorators.http import require_safe

from ..db.clock import database_now
from ..models import Pause
from ..pages.roles import may_act
from ..snapshots.console import decisions, failures, owners, present
from ..snapshots.console.ended import by_flow, by_task, counted_at, ended
from ..snapshots.fleet_state import fleet_state
from ..snapshots.measures import database
from . import attention, charts
from .access import for_viewers
from .kept import kept
from .span import SPANS, chosen, slices_of

Figures = dict[str, Any]
PAGES = {
    "staff": gettext_lazy("Overview"),
    "staff-failures": gettext_lazy("Failures"),
    "staff-processors": gettext_lazy("Processors"),
    "staff-flows": gettext_lazy("Flows"),
    "staff-decisions": gettext_lazy("Decisions"),
    "staff-database": gettext_lazy("Database"),
}
"""The pages by the names of their addresses, with their titles."""
FIRST = 5
"""Groups of failures, flows and processors of which the overview shows the first."""


def page(name: str, read: Callable[[str], Figures], *, spans: bool = False) -> Callable[..., Any]:
    """Return the view of a page. `read` gets the name of the span, and returns what the page's template shows."""

    @transaction.non_atomic_requests
    @for_viewers
    @require_safe
    def view(request: HttpRequest) -> HttpResponse:
        span = chosen(request) if spans else ""
        context = {
            **kept((name, span, get_language()), lambda: read(span)),  # with sentences
            "title": PAGES[name],
            "page_name": name,
            "pages": PAGES,
            "span": span,
            "spans": [(key, words) for key, (words, _) in SPANS.items()] if spans else [],
            "may_act": may_act(request),
        }
        return render(request, f"queueapp/staff/{name.partition('-')[2] or 'overview'}.html", context)

    return view


def read_overview(span: str) -> Figures:
    """Return what the overview shows."""
    now = database_now()
    waiting, workers, fleet = present.backlog(), present.workers(), fleet_state()
    pauses = list(Pause.objects.select_related("owner__user", "by"))
    found, base = ended(slices_of(span, now)), kept("database", database)
    failed = kept(("failures", span), lambda: failures.failures(found.slices.begin))
    return {
        "now": now,
        "backlog": waiting,
        "fleet": fleet,
        "pauses": pauses,
        "ended": found,
        "counted_at": found.counted_at,
        "notices": attention.notices(waiting, workers, fleet, pauses, found, base, now),
        "charts": [charts.throughput(found), charts.waits(found)],
        "failed_total": sum(found.failed),
        "failed_part": sum(found.failed) / max(found.total, 1),
        "failures": failed,
        "groups": failed.groups[:FIRST],
        "flows": present.waiting_flows(FIRST),
        "workers": [one for one in workers if one.state != "idle"][:FIRST],
        "late": _late(workers),
    }


def read_failures(span: str) -> Figures:
    """Return the groups of failed attempts in the span."""
    now = database_now()
    begin = slices_of(span, now).begin
    found = kept(("failures", span), lambda: failures.failures(begin))
    return {"now": now, "failures": found, "groups": found.groups, "begin": begin, "most": failures.MAX_READ}


def read_processors(_: str) -> Figures:
    """Return what each processor does, and the fleet with its reason."""
    workers = present.workers()
    return {
        "now": database_now(),
        "workers": workers,
        "late": _late(workers),
        "fleet": fleet_state(),
        "most": present.MAX_PROCESSORS,
    }


def _late(workers: list[present.Worker]) -> set[int]:
    return {one.processor.pk for one in workers if attention.is_late(one)}


def read_flows(span: str) -> Figures:
    """Return the flows by what waits, and what ended of tasks, flows and owners in the span."""
    now = database_now()
    slices = slices_of(span, now)
    return {
        "now": now,
        "flows": present.waiting_flows(),
        "pauses": list(Pause.objects.select_related("owner__user", "by")),
        "tasks": by_task(slices),
        "ended_flows": by_flow(slices),
        "owners": owners.by_owner(slices.begin),
        "most_read": owners.MAX_READ,
        "counted_at": counted_at(),
        "most_flows": present.MAX_FLOWS,
    }


def read_decisions(_: str) -> Figures:
    """Return the newest decisions."""
    return {"now": database_now(), "decisions": decisions.decisions(), "has_history": decisions.has_history()}


def read_database(_: str) -> Figures:
    """Return the health of the database."""
    return {"now": database_now(), "database": kept("database", database)}


overview = page("staff", read_overview, spans=True)
failures_page = page("staff-failures", read_failures, spans=True)
processors_page = page("staff-processors", read_processors)
flows_page = page("staff-flows", read_flows, spans=True)
decisions_page = page("staff-decisions", read_decisions)
database_page = page("staff-database", read_database)
