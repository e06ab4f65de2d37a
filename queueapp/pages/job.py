"""The page of one job: its state, its timeline, what it printed, what came of it, and what can be done with it."""

from __future__ import annotations

from http import HTTPStatus
from typing import get_args

from django.conf import settings
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render, resolve_url
from django.utils.http import content_disposition_header
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from ..db.clock import at_one_moment
from ..errors import FieldError, InvalidSubmission, NotCancellable, NotMovable, NotRetryable, TooManyShares
from ..events.hub import accuracy_now
from ..job_ids import normal_job_id
from ..lifecycle.cancel import cancel
from ..lifecycle.job_filter import End
from ..lifecycle.reorder import has_own_flow, reorder
from ..lifecycle.retry import try_again
from ..models import Job, Owner
from ..registry import is_internal
from ..snapshots import explain_wait, job_dict, job_log, last_number, shapes
from ..states import FINISHED, Status
from .again import FIELDS, form_shown, run_again
from .markdown import as_html
from .rows import pretty, shown, values
from .share import make_link, revoke_link, sharing
from .timeline import timeline
from .visible import visible
from .wait import wait_shown
from .whose import is_own, of_owner, whose_context


@transaction.non_atomic_requests  # what it changes commits by itself, and it reads as of one moment
@never_cache
@of_owner
@require_http_methods(["GET", "HEAD", "POST"])
def job_page(request: HttpRequest, owner: Owner, job_id: str) -> HttpResponse:
    """Return the page of a job. POST: `do` is cancel, retry, front, back, share, unshare, or run with new fields."""
    if request.method == "POST":
        return _change(request, owner, job_id)
    if (what := request.GET.get("download")) is not None:
        return _download(owner, job_id, what)
    return _page(request, owner, job_id)


def _change(request: HttpRequest, owner: Owner, job_id: str) -> HttpResponse:
    job, action = _found(owner, job_id), request.POST.get("do")
    try:
        if action == "cancel":
            cancel(job)
        elif action == "retry":
            try_again(job)
        elif action in get_args(End):
            reorder(job, front=action == "front")
        elif action == "run":
            return redirect("queueapp:job-page", run_again(owner, _sent(request) or {}).job_id)
        elif action == "share":
            return _page(request, owner, job_id, link=make_link(request, job))
        elif action == "unshare":
            revoke_link(request, job)
        else:
            raise Http404
    except InvalidSubmission as invalid:
        return _page(request, owner, job_id, invalid.errors, HTTPStatus.BAD_REQUEST)
    except (NotCancellable, NotRetryable, NotMovable, TooManyShares) as refused:
        return _page(request, owner, job_id, [FieldError("job", str(refused))], HTTPStatus.CONFLICT)
    return redirect("queueapp:job-page", job_id)


def _sent(request: HttpRequest) -> dict[str, str] | None:
    """Return the fields of the form to run the job again, if it was sent."""
    if request.POST.get("do") != "run":
        return None
    return {name: request.POST.get(name, "") for name in FIELDS}


def _page(
    request: HttpRequest,
    owner: Owner,
    job_id: str,
    errors: list[FieldError] | None = None,
    status: int = 200,
    link: str | None = None,
) -> HttpResponse:
    """Return the page. `link`: a new link to the job, which is shown this once."""
    # Asked first: what happens while the page is made is then sent again by the stream.
    last = last_number(owner.pk)
    with at_one_moment() as now:
        job = _found(owner, job_id)
        described = job_dict(job, now)
        waits = explain_wait(job, accuracy_now()) if job.status == Status.QUEUED else None
        said = job_log(job, now)
    own = is_own(request, owner)
    offered = own and (errors or not is_internal(job.task))
    context = {
        **whose_context(request, owner),
        "live_key": live_key(described),
        "has_result": described["result"] is not None,
        "login_url": resolve_url(settings.LOGIN_URL),
        "last_number": last,
        "now": now,
        "job": shown(described, now) | {name: visible(described[name]) for name in ("message", "error")},
        "wait": waits and wait_shown(waits, now),
        "steps": timeline(job, described, said),
        "note": as_html(said["note"]),
        "values": values(described),
        "can_cancel": own and described["status"] not in FINISHED and not described["stopping"],
        "can_move": own and described["position"] is not None and has_own_flow(owner),
        "can_retry": own and described["status"] in (Status.FAILED, Status.CANCELLED),
        "job_error": next((error.message for error in errors or [] if error.field == "job"), ""),
        "share": sharing(job, link) if own else None,
        "form": form_shown(job, _sent(request), errors or []) if offered else None,
    }
    return render(request, "queueapp/job.html", context, status=status)


def live_key(described: shapes.Job) -> str:
    """Return what the page shows of the job's state: job-state.js compares it with what events say."""
    stopping = " stopping" if described["stopping"] else ""
    return f"{described['status']} {described['position'] or 0} {described['attempt']}{stopping}"


def _download(owner: Owner, job_id: str, what: str) -> HttpResponse:
    """Return the job's result or payload as a file. Raises Http404 if there is none."""
    job = _found(owner, job_id)
    value = {"payload": job.payload, "result": job.ended and job.ended.result}.get(what)
    if value is None:
        raise Http404
    name = content_disposition_header(True, f"{job.name}-{what}.json")
    return HttpResponse(pretty(value), content_type="application/json", headers={"Content-Disposition": str(name)})


def _found(owner: Owner, job_id: str) -> Job:
    return get_object_or_404(Job.objects.whole(), owner=owner, name=normal_job_id(job_id))
