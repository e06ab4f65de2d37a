"""The page of all jobs of a user, ended and queued: found by a form, shown in pages."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from ..errors import FieldError, InvalidFilter
from ..lifecycle.job_filter import ListFilter, parse_filter
from ..models import Owner
from ..registry import task_names
from ..snapshots import Page, Place, count_jobs, find_jobs, last_number
from ..snapshots.failures import MAX_UNSEEN, note_seen, unseen_failures
from ..snapshots.history import MAX_COUNTED
from ..states import Status
from . import humanize
from .rows import shown
from .submission import in_utc
from .visible import beginning
from .whose import names_in, of_owner, whose_context

PAGE_SIZE = 50
MAX_EXCERPT = 300
"""Characters of an error in a row."""
FIELDS = tuple(ListFilter.model_fields)
_MOMENTS = ("submitted_after", "submitted_before")
_LATEST = 10**18


@transaction.non_atomic_requests  # what it changes commits by itself, and it reads as of one moment
@never_cache
@of_owner
@require_http_methods(["GET", "HEAD", "POST"])
def jobs_page(request: HttpRequest, owner: Owner) -> HttpResponse:
    """Return the page of the jobs that match the filter in the address. POST: all failures up to `seen` are seen."""
    if request.method == "POST":
        return _note_seen(request, owner)
    given = {name: text for name in FIELDS if (text := request.GET.get(name, "").strip())}
    errors: list[FieldError] = []
    page = Page([], None, None)
    last = last_number(owner.pk)
    try:
        asked = parse_filter(
            ListFilter, {name: in_utc(text) if name in _MOMENTS else text for name, text in given.items()}
        )
        page = find_jobs(owner.pk, asked.model_dump(exclude_unset=True), _place(request), PAGE_SIZE)
    except InvalidFilter as invalid:
        errors = invalid.errors
    unseen = unseen_failures(owner)
    context = {
        **whose_context(request, owner),
        "given": given,
        "moments": {name: _without_zone(given.get(name, "")) for name in _MOMENTS},
        "more_open": not given.keys().isdisjoint({"task", "sort", *_MOMENTS}),
        "errors": {error.field: error.message for error in errors},
        "is_filtered": bool(given.keys() - {"sort"}),
        "states": _states(request, owner, given),
        "tasks": task_names(),
        "jobs": [_row(job) for job in page.jobs],
        "next": page.next and _address(request, given, cursor=str(page.next)),
        "previous": page.previous and _address(request, given, cursor=str(page.previous)),
        "statuses": list(Status),
        "heading": _heading(given),
        "unseen": unseen,
        "unseen_text": humanize.unseen(unseen, MAX_UNSEEN),
        "seen": owner.failures_seen,
        "shows_unseen": "after" in given and given.get("status") == Status.FAILED,
        "last_number": last,
    }
    return render(request, "queueapp/jobs.html", context, status=400 if errors else 200)


def _heading(given: dict[str, str]) -> str:
    if given.keys() - {"sort", "status"}:
        return "Jobs found"
    return f"{given['status'].capitalize()} jobs" if "status" in given else "All jobs"


def _note_seen(request: HttpRequest, owner: Owner) -> HttpResponse:
    text = request.POST.get("seen", "")
    if not (text.isascii() and text.isdecimal() and int(text[:20]) < _LATEST):
        raise Http404
    note_seen(owner, min(int(text), last_number(owner.pk)))
    return redirect("queueapp:jobs-page")


def _without_zone(text: str) -> str:
    """Return a moment as the form's fields have it: in UTC, without a zone; what is none as it is."""
    try:
        return datetime.fromisoformat(in_utc(text)).astimezone(UTC).replace(tzinfo=None).isoformat()
    except (ValueError, OverflowError):
        return text


def _place(request: HttpRequest) -> Place | None:
    text = request.GET.get("cursor")
    place = Place.parse(text) if text else None
    if text and place is None:
        raise Http404
    return place


def _address(request: HttpRequest, given: dict[str, str], **others: str) -> str:
    query = urlencode({**names_in(request), **given, **others})
    return reverse("queueapp:jobs-page") + (f"?{query}" if query else "")


def _states(request: HttpRequest, owner: Owner, given: dict[str, str]) -> list[dict[str, Any]]:
    """Return the links to the jobs of each state, with their numbers. They keep the order, and nothing else."""
    kept = {"sort": given["sort"]} if "sort" in given else {}
    counts: dict[str, Any] = {**count_jobs(owner.pk)}
    found = [{"name": "All", "href": _address(request, kept), "count": "", "current": not given.keys() - {"sort"}}]
    for status in Status:
        link = _address(request, {"status": status, **kept})
        only = given.keys() - {"sort"} == {"status"} and given["status"] == status
        found.append({"name": status.capitalize(), "href": link, "count": _count(counts[status]), "current": only})
    return found


def _count(count: int | None) -> str:
    if count is None:
        return ""
    return f"{MAX_COUNTED:,}+" if count > MAX_COUNTED else f"{count:,}"


def _row(job: Any) -> dict[str, Any]:
    text, cut = beginning(job["error"] or job["message"], MAX_EXCERPT)
    return shown(job, datetime.fromisoformat(job["submitted_at"])) | {"excerpt": f"{text}…" if cut else text}
