"""The form of a job's page that submits the job again under another name, perhaps with another payload."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..errors import FieldError, InvalidSubmission
from ..job_ids import MAX_JOB_ID
from ..lifecycle.validation import Submission
from ..models import Job, Owner
from ..registry import task_names
from .json_text import parse_json
from .rows import pretty
from .submission import LIMITS, accept, by_field, taken, terms_in

FIELDS = ("job_id", "payload", "duration", "task", "time_limit", "memory_limit")
"""The fields of the form, in their order."""
MAX_INDENTED = 10_000
"""Characters of a payload that the form shows on several lines, at most."""
_LOOKED_AT = 20
"""Names that are tried for one that is free."""


def form_shown(job: Job, sent: Mapping[str, str] | None, errors: list[FieldError]) -> dict[str, Any]:
    """Return the form as the page shows it: with what was sent, else with what the job has."""
    values = _prefilled(job) if sent is None else sent
    messages = by_field(errors if sent is not None else (), FIELDS)
    tasks = task_names()
    return {
        "values": values,
        "errors": messages,
        "first_wrong": next((name for name in FIELDS if name in messages), ""),
        "open": sent is not None,
        "tasks": tasks if values["task"] in tasks else [*tasks, values["task"]],
        "has_limits": any(values[name] or name in messages for name in LIMITS),
    }


def _prefilled(job: Job) -> dict[str, str]:
    """Return the form's fields, as text, from a job."""
    limits = {name: getattr(job, name) for name in LIMITS}
    return {
        "job_id": free_name(job.owner, job.name),
        "duration": f"{job.duration:g}" if float(f"{job.duration:g}") == job.duration else repr(job.duration),
        "task": job.task,
        "payload": _payload_text(job.payload),
        **{name: "" if value is None else f"{value:.15g}" for name, value in limits.items()},
    }


def _payload_text(payload: Any) -> str:
    """Return the payload as JSON: on one line if it is long, so that the form is not too large to be sent."""
    text = pretty(payload, indent=None) if payload else ""
    return pretty(payload) if 0 < len(text) <= MAX_INDENTED else text


def free_name(owner: Owner, name: str) -> str:
    """Return a name for the next job, which is not taken: render-8 after render-7, sweep-2 after sweep."""
    stem, digits = re.fullmatch(r"(.*?)([0-9]{0,15})", name).groups()  # type: ignore[union-attr]  # it matches all
    first, stem = (int(digits) + 1, stem) if digits else (2, f"{name}-")
    names = [f"{stem}{str(number).zfill(len(digits))}"[-MAX_JOB_ID:] for number in range(first, first + _LOOKED_AT)]
    taken = set(Job.objects.of(owner.pk).filter(name__in=names).values_list("name", flat=True))
    return next((free for free in names if free not in taken), "")


def run_again(owner: Owner, given: Mapping[str, str]) -> Submission:
    """Submit what the form has, and return it. Raises InvalidSubmission with the fields' errors."""
    fields, errors = terms_in(given)
    try:
        text = given.get("payload", "").strip()
        fields["payload"] = parse_json(text) if text else {}
    except ValueError as wrong:
        errors.append(FieldError("payload", str(wrong)))
    if errors:
        raise InvalidSubmission(errors)
    submission, is_new = accept(owner, fields)
    if not is_new:
        raise InvalidSubmission([taken()])
    return submission
