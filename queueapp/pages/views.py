"""The page: a user's queue, rendered by the server. app.js keeps it up to date."""

from __future__ import annotations

import inspect
import json
import secrets
from datetime import datetime
from typing import Any, cast

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render, resolve_url
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from pydantic import TypeAdapter
from pydantic.errors import PydanticUserError

from ..models import Owner, at_one_moment
from ..models.brief import MAX_BRIEF
from ..registry import find_task, task_names
from ..snapshots import last_number, queue_snapshot, recent_jobs, shapes
from ..states import RETRYABLE, Status
from . import humanize

MAX_FINISHED = 50
"""Maximum number of finished jobs that the server renders."""
MAX_DOTS = 16
"""Maximum number of processors that are drawn one by one; overview.js has the same."""

# Without 0, 1, i, l and o, which are easily misread.
_LETTERS = "23456789abcdefghjkmnpqrstuvwxyz"


@transaction.non_atomic_requests  # its queries are of one moment, which a transaction around it would prevent
@never_cache
@login_required
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Return the page of the user's queue."""
    owner = Owner.objects.of_user(cast(AbstractBaseUser, request.user))
    # Asked first: a job that ends while the page is made is then sent again by the stream, and not forgotten.
    last = last_number(owner.pk)
    with at_one_moment():
        queue, finished = queue_snapshot(owner), recent_jobs(owner, MAX_FINISHED)
    now = datetime.fromisoformat(queue["time"])
    running, waiting = queue["running"], queue["waiting"]
    fleet = queue["processors"]
    context = {
        "owner": owner.name,
        "login_url": resolve_url(settings.LOGIN_URL),
        "last_number": last,
        "now": now,
        "running": [shown(job, now) for job in running],
        "waiting": [shown(job, now) for job in waiting],
        "waiting_count": queue["waiting_count"],
        "finished": [shown(job, now) for job in finished],
        "paused": queue["paused"],
        "share_width": f"{queue['share']['owed']:.2%}",
        "share_sentence": humanize.share(queue["share"], owner.name, bool(running or waiting), next_turn(waiting, now)),
        "processors": fleet,
        "dots": dots(fleet["alive"], fleet["busy"], len(running)),
        "processors_sentence": humanize.processors(fleet["alive"], fleet["busy"], len(running), fleet["starting"]),
        "tasks": [offered(name) for name in task_names()],
        "suggestion": "job-" + "".join(secrets.choice(_LETTERS) for _ in range(6)),
    }
    return render(request, "queueapp/home.html", context)


def next_turn(waiting: list[shapes.WaitingJob], now: datetime) -> float | None:
    """Return the seconds until the first of these jobs should start; None if nothing is known."""
    starts = [job["estimated_start"] for job in waiting if job["estimated_start"]]
    return (datetime.fromisoformat(min(starts)) - now).total_seconds() if starts else None


def shown(job: shapes.Job | shapes.WaitingJob, now: datetime) -> dict[str, Any]:
    """Return the job with the texts and moments that its row shows."""
    starts, run_at = cast("str | None", job.get("estimated_start")), _moment(job["run_at"])
    return {
        **job,
        "spent_text": humanize.seconds(job["time_spent"]),
        "declared_text": humanize.seconds(job["duration"]),
        "starts_text": humanize.soon((datetime.fromisoformat(starts) - now).total_seconds()) if starts else "",
        "due": run_at if run_at and run_at > now else None,
        "percent_text": f"{job['progress'] * 100:.0f}%",
        "over": job["status"] == Status.RUNNING and humanize.is_over(job["time_spent"], job["duration"]),
        "attempts": [_attempt(attempt) for attempt in job["attempts"]],
        "told_attempts": tells_attempts(job),
        "retryable": job["status"] in RETRYABLE,
        "large": is_cut(job),
        "payload_text": _pretty(job["payload"]) if job["payload"] else "",
        "result_text": "" if job["result"] is None else _pretty(job["result"]),
        "submitted_at": _moment(job["submitted_at"]),
        "started_at": _moment(job["started_at"]),
        "finished_at": _moment(job["finished_at"]),
    }


def tells_attempts(job: shapes.Job) -> bool:
    """Whether the attempts say more than the error. A single failed attempt does not."""
    return bool(len(job["attempts"]) > (job["status"] == Status.FAILED))


def is_cut(job: shapes.Job) -> bool:
    """Whether something large of the job is left out on the page."""
    errors = [job["error"], *(attempt["error"] for attempt in job["attempts"])]
    return bool(job["payload_omitted"] or job["result_omitted"] or any(map(_ends_early, errors)))


def _ends_early(error: str) -> bool:
    return len(error) >= MAX_BRIEF and error.endswith("…")


def _attempt(attempt: shapes.Attempt) -> dict[str, Any]:
    moment = _moment(attempt["finished_at"])
    return {**attempt, "spent_text": humanize.seconds(attempt["time_spent"]), "finished_at": moment}


def dots(alive: int, busy: int, mine: int) -> list[str]:
    """Return one word per processor to draw; none if there are more than MAX_DOTS."""
    return ["mine" if n < mine else "busy" if n < busy else "free" for n in range(alive if alive <= MAX_DOTS else 0)]


def offered(name: str) -> dict[str, str]:
    """Return a task for the form: its name, purpose and payload."""
    task = find_task(name)
    assert task is not None, "task_names() names registered tasks"
    about = (inspect.getdoc(task.function) or "").split("\n\n")[0].replace("\n", " ")
    return {"name": name, "about": about, "takes": ", ".join(_arguments(task.payload))}


def _arguments(payload: TypeAdapter[Any]) -> list[str]:
    try:
        schema = payload.json_schema()
    except PydanticUserError:  # an argument of a type that JSON has no word for
        return []
    required = schema.get("required", [])
    return [
        f"{name} ({field.get('type', 'any')}{'' if name in required else ', optional'})"
        for name, field in schema.get("properties", {}).items()
    ]


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _pretty(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
