"""The page that submits a job by a form made of its task's signature. It works without scripts."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, cast

from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext, ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from ..errors import FieldError, InvalidSubmission
from ..lifecycle.validation import Submission
from ..models import Owner
from ..registry import Task, find_task, task_names
from ..snapshots.typical import Typical, typical
from . import humanize
from .submission import LIMITS, accept, by_field, new_name, terms_in
from .task_fields import about, fields_of, payload_of, shown

TERMS = ("job_id", "duration", *LIMITS, "run_at")
"""The fields beside those of the task."""
USUAL_TASK = "wait"


@transaction.non_atomic_requests  # a submission commits by itself
@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def submit_page(request: HttpRequest) -> HttpResponse:
    """Return the form of the task in the address. POST submits the job, and leads to its page."""
    owner = Owner.objects.of_user(cast(AbstractBaseUser, request.user))
    task = _task(request)
    if request.method != "POST":
        return _page(request, task, typical(owner.pk, task.name))
    given = {name: request.POST.get(name, "") for name in request.POST}
    usual = typical(owner.pk, task.name) if not given.get("duration", "").strip() else None
    try:
        job = _submit(owner, task, given | ({"duration": str(usual.usual)} if usual else {}))
    except InvalidSubmission as invalid:
        return _page(request, task, typical(owner.pk, task.name), given, invalid.errors)
    return redirect("queueapp:job-page", job.job_id)


def _task(request: HttpRequest) -> Task:
    """Return the task that the address names. Raises Http404 if no request can name it."""
    names = task_names()
    name = request.GET.get("task", USUAL_TASK if USUAL_TASK in names or not names else names[0])
    found = find_task(name)
    if found is None or found.internal:
        raise Http404
    return found


def _submit(owner: Owner, task: Task, given: Mapping[str, str]) -> Submission:
    """Submit the job. One that is there already, with the same content, is as good: the button was pressed twice."""
    terms, errors = terms_in({**given, "task": task.name})
    try:
        terms["payload"] = payload_of(fields_of(task), given)
    except InvalidSubmission as invalid:
        errors += invalid.errors
    if errors:
        raise InvalidSubmission(errors)
    submission, _ = accept(owner, terms)
    return submission


def _page(
    request: HttpRequest,
    task: Task,
    usual: Typical | None,
    given: Mapping[str, str] | None = None,
    errors: list[FieldError] | None = None,
) -> HttpResponse:
    fields = fields_of(task)
    inputs = [*(field.input for field in fields), *TERMS]
    messages = by_field(errors or [], inputs)
    values = {"job_id": new_name(), "duration": duration_text(usual)} if given is None else given
    context: dict[str, Any] = {
        "task": task.name,
        "tasks": task_names(),
        "about": about(task),
        "fields": fields if given is None else shown(fields, given, messages),
        "values": values,
        "errors": messages,
        "first_wrong": next((name for name in inputs if name in messages), ""),
        "usual": typical_sentence(usual),
        "more_open": any(values.get(name) or name in messages for name in (*LIMITS, "run_at")),
    }
    return render(request, "queueapp/submit.html", context, status=HTTPStatus.BAD_REQUEST if errors else HTTPStatus.OK)


def duration_text(usual: Typical | None) -> str:
    """Return the usual duration as the form has it, with two digits; "" if none is known."""
    return "" if usual is None else f"{max(float(f'{usual.usual:.2g}'), 0.001):g}"


def typical_sentence(usual: Typical | None) -> str:
    """Return a sentence: how long jobs of the task take; "" if nothing is known."""
    if usual is None:
        return ""
    low, high = humanize.seconds(usual.low), humanize.seconds(usual.high)
    if not usual.runs:
        return gettext("About %(time)s on average, over the last 30 days of all users.") % {"time": low}
    span = low if low == high else gettext("%(first)s to %(last)s") % {"first": low, "last": high}
    text = ngettext(
        "Usually %(time)s (your last %(number)s run).", "Usually %(time)s (your last %(number)s runs).", usual.runs
    )
    return text % {"time": span, "number": usual.runs}
