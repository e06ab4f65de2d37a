"""Sharing one job: the part of its page that makes links, and the page that such a link leads to."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from ..db.clock import at_one_moment
from ..errors import FieldError, InvalidSubmission
from ..http.address import client_address
from ..http.problems import too_many
from ..lifecycle.shares import find_share, revoke_share, share, shares_of
from ..limits.throttles import take_for
from ..models import Job, JobShare
from ..models.job_share import Shows
from ..snapshots import job_dict, job_log, shapes
from ..states import FINISHED
from .markdown import as_html
from .rows import shown, values
from .timeline import Step, timeline
from .visible import visible

LIVES = {"1": gettext_lazy("an hour"), "24": gettext_lazy("a day"), "168": gettext_lazy("a week")}
"""How long a link works: hours, and the words for them."""
USUAL_LIFE = "24"
LOOKS_PER_MINUTE = 600
"""Maximum looks at shared jobs from one address, and at one link: a page that is open looks 20 times a minute."""
HEADERS = {"Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex, nofollow"}
MAX_KEY = 18
"""Digits of a key, at most."""


def sharing(job: Job, made: str | None = None) -> dict[str, Any]:
    """Return what the page of a job shows about its links. `made`: the address of a new one, shown this once."""
    return {
        "made": made,
        "lives": LIVES.items(),
        "usual_life": USUAL_LIFE,
        "may_show": Shows.choices,
        "links": [{"link": link, "shows": _words(link)} for link in shares_of(job)],
    }


def _words(link: JobShare) -> str:
    return ", ".join(str(Shows(name).label) for name in link.shows)


def make_link(request: HttpRequest, job: Job) -> str:
    """Make the link that the form asks for, and return its address. Raises InvalidSubmission, TooManyShares."""
    life, shows = request.POST.get("life", ""), request.POST.getlist("shows")
    if life not in LIVES or not set(shows) <= set(Shows.values):
        raise InvalidSubmission(
            [FieldError("job", gettext("Choose how long the link works, and what it shows, from the list."))]
        )
    secret = share(job, [Shows(name) for name in shows], timedelta(hours=int(life)))
    return request.build_absolute_uri(reverse("queueapp:shared", args=[secret]))


def revoke_link(request: HttpRequest, job: Job) -> None:
    """Revoke the link that the form names. Raises Http404 if it names none."""
    text = request.POST.get("link", "")
    if not (text.isascii() and text.isdecimal() and len(text) <= MAX_KEY):
        raise Http404
    revoke_share(job, int(text))


@transaction.non_atomic_requests  # it reads as of one moment
@never_cache
@require_safe
def shared_page(request: HttpRequest, secret: str) -> HttpResponse:
    """Return the page of a shared job, the same for everybody: it neither asks for a session nor sets a cookie.

    Raises Http404 for whatever is no link, without telling why.
    """
    if wait := take_for(request, "shared", client_address(request) or "unknown", LOOKS_PER_MINUTE):
        return too_many(request, wait, gettext("Too many looks at shared jobs from your address."))
    found = find_share(secret)
    if found is None:
        raise Http404
    if wait := take_for(request, "link", str(found.pk), LOOKS_PER_MINUTE):
        return too_many(request, wait, gettext("Too many people look at this job just now."))
    return HttpResponse(render_to_string("queueapp/shared.html", _context(found)), headers=HEADERS)


def _context(link: JobShare) -> dict[str, Any]:
    with at_one_moment() as now:
        job = Job.objects.whole().filter(pk=link.job_id).first()
        if job is None:  # pruned just now
            raise Http404
        described, said = _allowed(job_dict(job, now), link), job_log(job, now)
    if Shows.TEXT not in link.shows:
        said = shapes.JobLog(attempt=said["attempt"], log="", stages=[], note="")
    steps = timeline(job, described, said)
    return {
        "link": link,
        "now": now,
        "job": shown(described, now) | {name: visible(described[name]) for name in ("message", "error")},
        "steps": steps if Shows.TEXT in link.shows else [_without_text(step) for step in steps],
        "note": as_html(said["note"]),
        "values": values(described),
        "ended": described["status"] in FINISHED,
    }


def _allowed(described: shapes.Job, link: JobShare) -> shapes.Job:
    """Return the job without what the link does not show."""
    allowed = described.copy()
    if Shows.TEXT not in link.shows:
        allowed |= {"message": "", "error": ""}
    if Shows.RESULT not in link.shows:
        allowed["result"] = None
    if Shows.PAYLOAD not in link.shows:
        allowed["payload"] = None
    return allowed


def _without_text(step: Step) -> Step:
    return replace(step, error="", log="")
