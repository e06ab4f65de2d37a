"""What the forms that submit one job have in common: the fields beside the payload, and their errors."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from django.utils.translation import gettext

from ..errors import BacklogFull, FieldError, InvalidSubmission, JobConflict
from ..lifecycle.submit import submit
from ..lifecycle.validation import Submission, parse
from ..models import Owner

LIMITS = ("time_limit", "memory_limit")
# Without 0, 1, i, l and o, which are easily misread.
_LETTERS = "23456789abcdefghjkmnpqrstuvwxyz"


def new_name() -> str:
    """Return a name for a job that nobody has named: a random one."""
    return "job-" + "".join(secrets.choice(_LETTERS) for _ in range(6))


def terms_in(given: Mapping[str, str]) -> tuple[dict[str, Any], list[FieldError]]:
    """Return the fields of a submission that were typed, but for the payload, and what is wrong with them."""
    errors: list[FieldError] = []
    fields: dict[str, Any] = {"job_id": given.get("job_id", "").strip(), "task": given.get("task", "")}
    if not fields["job_id"]:
        errors.append(FieldError("job_id", gettext("give the job a name of its own")))
    for name in ("duration", *LIMITS):
        text = given.get(name, "").strip().replace(",", ".")
        if text or name == "duration":
            try:
                fields[name] = float(text)
            except ValueError:
                errors.append(FieldError(name, gettext("give a number, such as 12.5")))
    if run_at := given.get("run_at", "").strip():
        fields["run_at"] = in_utc(run_at)
    return fields, errors


def in_utc(text: str) -> str:
    """Return a moment without a time zone, as a form's field gives it, in UTC; anything else as it is."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    return f"{moment.isoformat()}Z" if moment.tzinfo is None else text


def accept(owner: Owner, fields: Mapping[str, Any]) -> tuple[Submission, bool]:
    """Submit a job. Return it, and whether it is new. Raises InvalidSubmission with the fields' errors."""
    submission = parse(fields)
    try:
        return submission, bool(submit(owner, [submission]).accepted)
    except JobConflict:
        raise InvalidSubmission([taken()]) from None
    except BacklogFull as full:
        raise InvalidSubmission([FieldError("form", str(full))]) from None


def taken() -> FieldError:
    """Return the error of a name that another job of the owner has."""
    return FieldError("job_id", gettext("is the name of another job of yours; choose a new one"))


def by_field(errors: Iterable[FieldError], fields: Collection[str]) -> dict[str, str]:
    """Return the messages of each of these fields. Those of others are under `form`, with the field named."""
    messages: dict[str, str] = {}
    for error in errors:
        field, within = error.field, ""
        while field and field not in fields:
            field, _, last = field.rpartition(".")
            within = f"{last}.{within}".strip(".")
        message = f"{error.message} ({within})" if within and within != "form" else error.message
        field = field or "form"
        messages[field] = f"{messages[field]}; {message}" if field in messages else message
    return messages
