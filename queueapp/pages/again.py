"""The form of a job's page that submits the job again under another name, perhaps with another payload."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from ..conf import queue_settings
from ..errors import BacklogFull, FieldError, InvalidSubmission, JobConflict
from ..lifecycle.submit import submit
from ..lifecycle.validation import Submission, parse
from ..models import Job, Owner
from ..registry import task_names
from ..storable import is_deeper
from .rows import pretty

FIELDS = ("job_id", "payload", "duration", "task", "time_limit", "memory_limit")
"""The fields of the form, in their order."""
LIMITS = ("time_limit", "memory_limit")
MAX_NAME = 200
MAX_INDENTED = 10_000
"""Characters of a payload that the form shows on several lines, at most."""
_LOOKED_AT = 20
"""Names that are tried for one that is free."""


def form_shown(job: Job, sent: Mapping[str, str] | None, errors: list[FieldError]) -> dict[str, Any]:
    """Return the form as the page shows it: with what was sent, else with what the job has."""
    values = _prefilled(job) if sent is None else sent
    messages: dict[str, str] = {}
    for error in errors if sent is not None else ():
        field, _, within = error.field.partition(".")
        field = field if field in FIELDS else "form"
        message = f"{error.message} ({within})" if within else error.message
        messages[field] = f"{messages[field]}; {message}" if field in messages else message
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
    names = [f"{stem}{str(number).zfill(len(digits))}"[-MAX_NAME:] for number in range(first, first + _LOOKED_AT)]
    taken = set(Job.objects.of(owner.pk).filter(name__in=names).values_list("name", flat=True))
    return next((free for free in names if free not in taken), "")


def run_again(owner: Owner, given: Mapping[str, str]) -> Submission:
    """Submit what the form has, and return it. Raises InvalidSubmission with the fields' errors, or BacklogFull."""
    submission = parse(_fields(given))
    taken = FieldError("job_id", "is the name of another job of yours; choose a new one")
    try:
        if not submit(owner, [submission]).accepted:
            raise InvalidSubmission([taken])
    except JobConflict:
        raise InvalidSubmission([taken]) from None
    except BacklogFull as full:
        raise InvalidSubmission([FieldError("form", str(full))]) from None
    return submission


def _fields(given: Mapping[str, str]) -> dict[str, Any]:
    errors: list[FieldError] = []
    fields: dict[str, Any] = {"job_id": given.get("job_id", "").strip(), "task": given.get("task", "")}
    for name in ("duration", *LIMITS):
        text = given.get(name, "").strip().replace(",", ".")
        if text or name == "duration":
            try:
                fields[name] = float(text)
            except ValueError:
                errors.append(FieldError(name, "give a number, such as 12.5"))
    if not fields["job_id"]:
        errors.append(FieldError("job_id", "give the job a name of its own"))
    try:
        fields["payload"] = _payload(given.get("payload", "").strip())
    except ValueError as wrong:
        errors.append(FieldError("payload", str(wrong)))
    if errors:
        raise InvalidSubmission(errors)
    return fields


def _payload(text: str) -> Any:
    """Return the JSON in a text; of an empty one, no arguments. Raises ValueError, in words for the user."""
    most = queue_settings().MAX_NESTING
    try:
        payload = json.loads(text) if text else {}
    except RecursionError:
        raise ValueError(f"is nested more than {most} deep") from None
    except ValueError as wrong:
        raise ValueError(f"is not JSON: {wrong}") from None
    if is_deeper(payload, most):
        raise ValueError(f"is nested more than {most} deep")
    return payload
