"""The page that submits many jobs. It works without scripts."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, cast

from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from ...conf import queue_settings
from ...http.body_limit import MAX_FILE_BYTES
from ...http.problems import busy
from ...limits.bulk import Busy, bulk_turn
from ...models import Owner
from ..rows import pretty
from . import words
from .check import Checked, check, submit_all
from .rows import COLUMNS, FORMATS, STEM, rows_of
from .text import UnreadableFile, text_of

SHOWN_JOBS = 5
"""Jobs of the preview, to see that the columns are understood."""
MAX_SHOWN = 200
"""Characters of a payload in the preview."""


@transaction.non_atomic_requests  # a submission commits by itself
@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def many_page(request: HttpRequest) -> HttpResponse:
    """Return the page. POST: `do` is check, for a preview, or submit, which takes all jobs or none.

    A file takes the place of the text, and is never submitted before it was previewed.
    """
    if request.method != "POST":
        return _page(request, {"form": "", "stem": STEM, "done": _done(request)})
    try:
        with bulk_turn():
            return _posted(request)
    except Busy as error:
        return busy(request, error)


def _posted(request: HttpRequest) -> HttpResponse:
    owner = Owner.objects.of_user(cast(AbstractBaseUser, request.user))
    form, stem = request.POST.get("form", ""), request.POST.get("stem", "").strip() or STEM
    shown: dict[str, Any] = {"form": form if form in FORMATS else "", "stem": stem}
    try:
        text, is_file = _text(request)
    except UnreadableFile as wrong:
        return _page(request, shown | {"unreadable": str(wrong)}, HTTPStatus.BAD_REQUEST)
    checked = check(owner, rows_of(text, shown["form"], stem))
    if request.POST.get("do") == "submit" and not is_file and checked.is_right:
        accepted = submit_all(owner, checked)
        if accepted is not None:
            query = {"new": accepted.accepted, "existing": accepted.existing}
            return redirect(reverse("queueapp:submit-many", query=query))
    status = HTTPStatus.OK if checked.is_right else HTTPStatus.BAD_REQUEST
    return _page(request, shown | {"text": text, **_found(checked)}, status)


def _text(request: HttpRequest) -> tuple[str, bool]:
    """Return the text of the file, if there is one, or of the form, with line feeds only, and whether it is a file's.

    Raises UnreadableFile.
    """
    file = request.FILES.get("file")
    if file is not None:
        text = text_of(file.read(MAX_FILE_BYTES + 1))
    else:
        text = text_of(request.POST.get("text", "").encode(errors="replace"))
    return text.replace("\r\n", "\n").replace("\r", "\n"), file is not None


def _found(checked: Checked) -> dict[str, Any]:
    """Return what the page shows of the jobs that were found."""
    preview = []
    for line, job in checked.jobs[:SHOWN_JOBS]:
        payload = pretty(job.payload, indent=None)
        cut = payload if len(payload) <= MAX_SHOWN else f"{payload[:MAX_SHOWN]}…"
        preview.append({"line": line, "job": job, "payload": cut})
    return {
        "checked": checked,
        "title": words.title(checked),
        "summary": words.summary(checked),
        "jobs": words.jobs(len(checked.jobs)),
        "preview": preview,
    }


def _done(request: HttpRequest) -> str:
    """Return what the submission before has done, by the address that it led to."""
    counts = [request.GET.get(name, "") for name in ("new", "existing")]
    if not all(text.isascii() and text.isdecimal() and len(text) < 10 for text in counts):
        return ""
    return words.done(*map(int, counts))


def _page(request: HttpRequest, shown: dict[str, Any], status: int = HTTPStatus.OK) -> HttpResponse:
    context = {
        "formats": FORMATS.items(),
        "columns": COLUMNS,
        "most": words.jobs(queue_settings().MAX_BULK_JOBS),
        "megabytes": MAX_FILE_BYTES // 1_000_000,
        **shown,
    }
    return render(request, "queueapp/submit_many.html", context, status=status)
