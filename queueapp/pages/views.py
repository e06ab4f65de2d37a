"""The page: a user's queue, rendered by the server. app.js keeps it up to date."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render, resolve_url
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from ..models import Owner, at_one_moment
from ..registry import find_task, task_names
from ..snapshots import LIVE_WAITING, MAX_WAITING, last_number, queue_snapshot, recent_jobs, shapes
from ..snapshots.failures import MAX_UNSEEN, unseen_failures
from . import humanize
from .rows import shown
from .submission import new_name
from .task_fields import about, schema_of
from .whose import of_owner, whose_context

MAX_FINISHED = 20
"""Maximum number of finished jobs that the server renders: most of the time of a page goes into its rows."""
MAX_DOTS = 16
"""Maximum number of processors that are drawn one by one; overview.js has the same."""


@transaction.non_atomic_requests  # its queries are of one moment, which a transaction around it would prevent
@never_cache
@of_owner
@require_safe
def home(request: HttpRequest, owner: Owner) -> HttpResponse:
    """Return the page of the user's queue; of another's, for staff who look, one that only shows it."""
    # Asked first: a job that ends while the page is made is then sent again by the stream, and not forgotten.
    last = last_number(owner.pk)
    with at_one_moment():
        queue, finished = queue_snapshot(owner, LIVE_WAITING), recent_jobs(owner, MAX_FINISHED)
    now = datetime.fromisoformat(queue["time"])
    running, waiting = queue["running"], queue["waiting"]
    fleet, unseen = queue["processors"], unseen_failures(owner)
    context = {
        **whose_context(request, owner),
        "login_url": resolve_url(settings.LOGIN_URL),
        "last_number": last,
        "now": now,
        "running": [shown(job, now) for job in running],
        "waiting": [shown(job, now) for job in waiting],
        "waiting_count": queue["waiting_count"],
        "waiting_listed": min(queue["waiting_count"], MAX_WAITING),
        "finished": [shown(job, now) for job in finished],
        "paused": queue["paused"],
        "unseen": unseen,
        "unseen_text": humanize.unseen(unseen, MAX_UNSEEN),
        "owner_seen": owner.failures_seen,
        "share_own": queue["share"]["own"],
        "share_width": f"{queue['share']['owed']:.2%}",
        "share_sentence": humanize.share(queue["share"], owner.name, bool(running or waiting), next_turn(waiting, now)),
        "processors": fleet,
        "dots": dots(fleet["alive"], fleet["busy"], len(running)),
        "processors_sentence": humanize.processors(fleet["alive"], fleet["busy"], len(running), fleet["starting"]),
        "tasks": [offered(name) for name in task_names()],
        "suggestion": new_name(),
    }
    return render(request, "queueapp/home.html" if context["own"] else "queueapp/look.html", context)


def next_turn(waiting: list[shapes.WaitingJob], now: datetime) -> float | None:
    """Return the seconds until the first of these jobs should start; None if nothing is known."""
    starts = [job["estimated_start"] for job in waiting if job["estimated_start"]]
    return (datetime.fromisoformat(min(starts)) - now).total_seconds() if starts else None


def dots(alive: int, busy: int, mine: int) -> list[str]:
    """Return one word per processor to draw; none if there are more than MAX_DOTS."""
    return ["mine" if n < mine else "busy" if n < busy else "free" for n in range(alive if alive <= MAX_DOTS else 0)]


def offered(name: str) -> dict[str, str]:
    """Return a task for the form: its name, purpose and payload."""
    task = find_task(name)
    assert task is not None, "task_names() names registered tasks"
    schema = schema_of(task)
    required, optional = schema.get("required", []), f", {gettext('optional')}"
    takes = [
        f"{argument} ({shape.get('type') or gettext('any')}{'' if argument in required else optional})"
        for argument, shape in schema.get("properties", {}).items()
    ]
    return {"name": name, "about": about(task), "takes": ", ".join(takes)}
