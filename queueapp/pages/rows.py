"""Jobs as rows and pages show them: the job's JSON, with the texts and moments that a template writes."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Any, cast

from django.utils.translation import gettext

from ..i18n import gettext_noop
from ..models.brief import MAX_BRIEF
from ..snapshots import shapes
from ..states import RETRYABLE, Status
from . import humanize
from .visible import beginning

STATES = (
    gettext_noop("queued"),
    gettext_noop("running"),
    gettext_noop("succeeded"),
    gettext_noop("failed"),
    gettext_noop("cancelled"),
)
"""The states of jobs, found here for catalogs. Templates translate them by their names."""
_UNSEEN = re.compile("[\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""Controls that JSON need not escape."""


def shown(job: shapes.Job | shapes.WaitingJob, now: datetime) -> dict[str, Any]:
    """Return the job with the texts and moments that its row shows."""
    starts, run_at = cast("str | None", job.get("estimated_start")), moment(job["run_at"])
    return {
        **job,
        "spent_text": humanize.seconds(job["time_spent"]),
        "declared_text": humanize.seconds(job["duration"]),
        "starts_text": humanize.soon((datetime.fromisoformat(starts) - now).total_seconds()) if starts else "",
        "due": run_at if run_at and run_at > now else None,
        "percent_text": humanize.percent(job["progress"]),
        "over": job["status"] == Status.RUNNING and humanize.is_over(job["time_spent"], job["duration"]),
        "attempts": [_attempt(attempt) for attempt in job["attempts"]],
        "told_attempts": tells_attempts(job),
        "retryable": job["status"] in RETRYABLE,
        "large": is_cut(job),
        "payload_text": pretty(job["payload"]) if job["payload"] else "",
        "result_text": "" if job["result"] is None else pretty(job["result"]),
        "submitted_at": moment(job["submitted_at"]),
        "started_at": moment(job["started_at"]),
        "finished_at": moment(job["finished_at"]),
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
    spent = humanize.seconds(attempt["time_spent"])
    return {**attempt, "spent_text": spent, "finished_at": moment(attempt["finished_at"])}


def moment(text: str | None) -> datetime | None:
    """Return a moment of the JSON."""
    return None if text is None else datetime.fromisoformat(text)


def pretty(value: Any, indent: int | None = 2) -> str:
    """Return JSON as people read it. What would be invisible, or turn other text around, is escaped."""
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def values(described: shapes.Job) -> list[dict[str, Any]]:
    """Return the job's payload and result as the page has them: the beginning, and whether there is more."""
    found = []
    titles = {"result": gettext("Result"), "payload": gettext("Payload")}
    for name, value in (("result", described["result"]), ("payload", described["payload"])):
        if value is not None and (name == "result" or value):
            text, cut = beginning(pretty(value))
            found.append({"name": name, "title": titles[name], "text": text, "cut": cut})
    return found
