"""The page of all jobs of a user, ended and queued: found by a form, shown in pages."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from ..errors import BacklogFull, FieldError, InvalidFilter, NotMovable
from ..i18n import whole_number
from ..models import Owner
from ..registry import task_names
from ..snapshots import Page, Place, count_jobs, find_jobs, last_number
from ..snapshots.failures import MAX_UNSEEN, note_seen, unseen_failures
from ..snapshots.history import MAX_COUNTED
from ..states import Status
from . import humanize
from .jobs_search import MOMENTS, given_in, parse_search
from .jobs_search import search_address as _address
from .rows import shown
from .selection_form import act, selection_form
from .selection_words import came_words
from .submission import in_utc
from .visible import beginning
from .whose import is_own, of_owner, whose_context

PAGE_SIZE = 50
MAX_EXCERPT = 300
"""Characters of an error in a row."""
_LATEST = 10**18
_NAMES = {
    Status.QUEUED: gettext_lazy("Queued"),
    Status.RUNNING: gettext_lazy("Running"),
    Status.SUCCEEDED: gettext_lazy("Succeeded"),
    Status.FAILED: gettext_lazy("Failed"),
    Status.CANCELLED: gettext_lazy("Cancelled"),
}
_HEADINGS = {
    Status.QUEUED: gettext_lazy("Queued jobs"),
    Status.RUNNING: gettext_lazy("Running jobs"),
    Status.SUCCEEDED: gettext_lazy("Succeeded jobs"),
    Status.FAILED: gettext_lazy("Failed jobs"),
    Status.CANCELLED: gettext_lazy("Cancelled jobs"),
}


@transaction.non_atomic_requests  # what it changes commits by itself, and it reads as of one moment
@never_cache
@of_owner
@require_http_methods(["GET", "HEAD", "POST"])
def jobs_page(request: HttpRequest, owner: Owner) -> HttpResponse:
    """Return the page of the jobs that match the filter in the address.

    POST: `do` says what is done with many jobs; without it, all failures up to `seen` are seen.
    """
    if request.method != "POST":
        return _page(request, owner)
    if "do" not in request.POST:
        return _note_seen(request, owner)
    try:
        return act(request, owner)
    except InvalidFilter as invalid:
        return _page(request, owner, "; ".join(error.message for error in invalid.errors), HTTPStatus.BAD_REQUEST)
    except (NotMovable, BacklogFull) as refused:
        return _page(request, owner, str(refused), HTTPStatus.CONFLICT)


def _page(request: HttpRequest, owner: Owner, refused: str = "", status: int = HTTPStatus.OK) -> HttpResponse:
    """Return the page. `refused`: why nothing was done with many jobs."""
    given = given_in(request)
    errors: list[FieldError] = []
    page, form = Page([], None, None), None
    last = last_number(owner.pk)
    try:
        asked = parse_search(given)
        page = find_jobs(owner.pk, asked.model_dump(exclude_unset=True), _place(request), PAGE_SIZE)
        if page.jobs and is_own(request, owner):
            form = selection_form(request, owner, asked, is_all=not (page.next or page.previous))
    except InvalidFilter as invalid:
        errors = invalid.errors
    counts: dict[str, Any] = {**count_jobs(owner.pk)}
    if form is not None:
        form["total"] = _total(counts, given)
    unseen = unseen_failures(owner)
    context = {
        **whose_context(request, owner),
        "given": given,
        "moments": {name: _without_zone(given.get(name, "")) for name in MOMENTS},
        "more_open": not given.keys().isdisjoint({"task", "sort", *MOMENTS}),
        "errors": {error.field: error.message for error in errors},
        "is_filtered": bool(given.keys() - {"sort"}),
        "states": _states(request, counts, given),
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
        "selection": form,
        "came": came_words(request),
        "refused": refused,
    }
    return render(request, "queueapp/jobs.html", context, status=400 if errors else status)


def _heading(given: dict[str, str]) -> str:
    if given.keys() - {"sort", "status"}:
        return gettext("Jobs found")
    status = given.get("status")
    return str(_HEADINGS[Status(status)]) if status in list(Status) else gettext("All jobs")


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


def _total(counts: dict[str, Any], given: dict[str, str]) -> str:
    """Return how many jobs the search has; "" if only a search could tell."""
    numbers = [counts[status] for status in Status if given.get("status", status) == status]
    if given.keys() - {"status", "sort"} or any(number is None or number > MAX_COUNTED for number in numbers):
        return ""
    return whole_number(sum(numbers))


def _states(request: HttpRequest, counts: dict[str, Any], given: dict[str, str]) -> list[dict[str, Any]]:
    """Return the links to the jobs of each state, with their numbers. They keep the order, and nothing else."""
    kept = {"sort": given["sort"]} if "sort" in given else {}
    every = not given.keys() - {"sort"}
    found = [{"name": gettext("All"), "href": _address(request, kept), "count": "", "current": every}]
    for status in Status:
        link = _address(request, {"status": status, **kept})
        only = given.keys() - {"sort"} == {"status"} and given["status"] == status
        found.append({"name": _NAMES[status], "href": link, "count": _count(counts[status]), "current": only})
    return found


def _count(count: int | None) -> str:
    if count is None:
        return ""
    return f"{humanize.number(MAX_COUNTED)}+" if count > MAX_COUNTED else humanize.number(count)


def _row(job: Any) -> dict[str, Any]:
    text, cut = beginning(job["error"] or job["message"], MAX_EXCERPT)
    return shown(job, datetime.fromisoformat(job["submitted_at"])) | {"excerpt": f"{text}…" if cut else text}
