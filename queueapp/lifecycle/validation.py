"""The shape of a submission, and everything that can be wrong with it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

from django.utils.formats import number_format
from django.utils.translation import gettext
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
)

from ..conf import queue_settings
from ..errors import FieldError, InvalidSubmission
from ..i18n import whole_number
from ..invalid_input import message_of
from ..job_ids import MAX_JOB_ID, PATTERN, job_id_problem, normal_job_id
from ..models.owner import KEY, KEY_SENTENCE
from ..policy.rules import SYSTEM, SYSTEM_SENTENCE
from ..registry import find_task, task_names
from ..storable import has_nul

RESERVED = frozenset({"bulk", "cancel", "move", "retry"})
"""Job ids that would clash with paths of the API."""

_EARLIEST, _LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9998, 12, 31, tzinfo=UTC)


def _moment(value: Any) -> Any:
    """Parse text as a moment in UTC, clamped to what PostgreSQL and Python can hold. A datetime stays as it is.

    Pydantic itself would accept numbers, too.
    """
    if value is None or isinstance(value, datetime):
        return value
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise ValueError(gettext("use ISO 8601 with a time zone, such as 2030-01-31T08:00:00Z")) from None
    return moment if moment.tzinfo is None else min(max(moment, _EARLIEST), _LATEST).astimezone(UTC)


Moment = Annotated[AwareDatetime, BeforeValidator(_moment)]
"""A moment in the input, with its time zone."""


def _job_id(value: str) -> str:
    if problem := job_id_problem(value):
        raise ValueError(problem)
    return value


JobId = Annotated[
    str,
    Field(max_length=MAX_JOB_ID, json_schema_extra={"pattern": PATTERN, "minLength": 1}),
    BeforeValidator(lambda value: normal_job_id(value) if isinstance(value, str) else value),
    AfterValidator(_job_id),
]
"""A job id in the input, or the beginning of some: made normal, then checked."""

MIN_DURATION_SECONDS = 1e-6
"""Least duration that a job may declare. PostgreSQL refuses products of floats that are too small or too large, and a
claim must never be refused."""


class Submission(BaseModel):
    """One job as it is asked for."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    job_id: JobId = Field(description="Your own name for the job, unique among your jobs.")
    duration: float = Field(
        ge=MIN_DURATION_SECONDS,
        allow_inf_nan=False,
        description="Expected processor seconds: at least a millionth, at most 7 days.",
    )
    task: str = Field(default="wait", max_length=100, description="The name of a registered task.")
    payload: dict[str, Any] = Field(default_factory=dict, description="The task's keyword arguments.")
    time_limit: float | None = Field(
        default=None, gt=0, allow_inf_nan=False, description="Seconds that one attempt may take; left out: the task's."
    )
    memory_limit: float | None = Field(
        default=None,
        gt=0,
        allow_inf_nan=False,
        description="Megabytes that one attempt may take; left out: the task's.",
    )
    run_at: Moment | None = Field(
        default=None, strict=False, description="Not to be started before this moment (ISO 8601, with time zone)."
    )
    user: str | None = Field(
        default=None,
        max_length=254,
        pattern=r"^[^\x00]*$",
        description="For staff: the name of the user whose job it is. Left out: you.",
    )
    key: str | None = Field(
        default=None,
        max_length=200,
        description="For staff: the fairness key whose job it is, instead of a user.",
        json_schema_extra={"pattern": f"^{KEY}$"},
    )

    @field_validator("job_id")
    @classmethod
    def _not_reserved(cls, value: str) -> str:
        if value in RESERVED:
            raise ValueError(gettext("%(name)s is reserved; choose another name") % {"name": repr(value)})
        return value

    @field_validator("key")
    @classmethod
    def _key(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(KEY, value):
            raise ValueError(gettext(KEY_SENTENCE))
        if value is not None and value.startswith(SYSTEM):
            raise ValueError(SYSTEM_SENTENCE)
        return value

    @field_validator("duration", mode="before")
    @classmethod
    def _at_least_the_shortest(cls, value: Any) -> Any:
        if isinstance(value, int | float) and value < MIN_DURATION_SECONDS:
            least = number_format(f"{MIN_DURATION_SECONDS:f}")
            raise ValueError(gettext("must be at least %(seconds)s seconds") % {"seconds": least})
        return value

    @field_validator("duration")
    @classmethod
    def _within_the_longest(cls, value: float) -> float:
        if value > (longest := queue_settings().MAX_DURATION_SECONDS):
            raise ValueError(gettext("must be at most %(seconds)s seconds") % {"seconds": f"{longest:g}"})
        return value

    def fields(self) -> dict[str, Any]:
        """Return the fields of the Job."""
        return {
            "name": self.job_id,
            "task": self.task,
            "payload": self.payload,
            "duration": self.duration,
            "time_limit": self.time_limit,
            "memory_limit": self.memory_limit,
            "run_at": self.run_at,
        }

    def content(self) -> dict[str, Any]:
        """Return the job as submit.sql takes it, without its owner."""
        fields = self.fields()
        if self.run_at is not None:
            fields["run_at"] = self.run_at.isoformat()
        return fields


def parse(data: Any, index: int | None = None, *, internal: bool = False) -> Submission:
    """Return the submission in `data`. Raises InvalidSubmission, which names each field, and `index` if one of many.

    `internal`: it may name an internal task.
    """
    try:
        submission = Submission.model_validate(data)
    except ValidationError as invalid:
        raise InvalidSubmission(list(field_errors(invalid, "job", index))) from None
    if errors := list(_task_errors(submission, index, internal)):
        raise InvalidSubmission(errors)
    return submission


def parse_all(data: Any) -> list[Submission]:
    """Return the submissions in a list. Raises InvalidSubmission with the errors of all (about the first hundred)."""
    if not isinstance(data, list):
        raise InvalidSubmission([FieldError("jobs", gettext("must be a list of jobs"))])
    most = queue_settings().MAX_BULK_JOBS
    if not 0 < len(data) <= most:
        text = gettext("must have from 1 to %(most)s jobs, not %(number)s")
        raise InvalidSubmission(
            [FieldError("jobs", text % {"most": whole_number(most), "number": whole_number(len(data))})]
        )
    submissions: list[Submission] = []
    errors: list[FieldError] = []
    for index, item in enumerate(data):
        try:
            submissions.append(parse(item, index))
        except InvalidSubmission as invalid:
            errors += invalid.errors
            if len(errors) >= 100:
                break
    if errors:
        raise InvalidSubmission(errors)
    return submissions


def field_errors(invalid: ValidationError, whole: str, index: int | None = None) -> Iterable[FieldError]:
    """Return pydantic's errors by field. `whole`: the field's name if the whole input is wrong."""
    for error in invalid.errors(include_url=False, include_input=False):
        yield FieldError(".".join(map(str, error["loc"])) or whole, message_of(error), index)


def _task_errors(submission: Submission, index: int | None, internal: bool) -> Iterable[FieldError]:
    found = find_task(submission.task)
    if found is None or (found.internal and not internal):
        text = gettext("there is no such task; there are: %(tasks)s")
        yield FieldError("task", text % {"tasks": ", ".join(task_names())}, index)
        return
    if submission.payload and (problem := _unstorable(submission.payload)):
        yield FieldError("payload", problem, index)
        return
    for error in found.payload_errors(submission.payload):
        yield FieldError(error.field, error.message, index)


def _unstorable(payload: Mapping[str, Any]) -> str | None:
    """Return why this payload cannot be stored, or None."""
    try:
        text = json.dumps(payload, allow_nan=False, ensure_ascii=False)
        size = len(text.encode())
    except UnicodeEncodeError:
        return gettext("has text that is not valid Unicode")
    except ValueError:
        return gettext("has a number that is not finite")
    if has_nul(text):
        return gettext("has a NUL character")
    if size > (most := queue_settings().MAX_PAYLOAD_BYTES):
        text = gettext("is %(size)s bytes as JSON; at most %(most)s are taken")
        return text % {"size": whole_number(size), "most": whole_number(most)}
    return None
