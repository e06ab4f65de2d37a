"""The shapes of requests about all jobs that match a filter, and of their answers."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self, TypeVar

from django.utils.translation import gettext
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ..errors import InvalidFilter
from .validation import JobId, Moment, field_errors

MAX_ERRORS = 100

_LEFT_OUT: Any = None
"""The default of fields that may be left out, and may not be null: a variable that a program forgot to set."""
F = TypeVar("F", bound=BaseModel)


class JobSearch(BaseModel):
    """Which jobs are meant: those that match every field."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    task: str = Field(default=_LEFT_OUT, max_length=100, pattern=r"^[^\x00]*$", description="Jobs of this task.")
    prefix: JobId = Field(default=_LEFT_OUT, description="Jobs whose job_id begins so.")
    submitted_after: Moment = Field(
        default=_LEFT_OUT, strict=False, description="Jobs submitted at this moment (ISO 8601) or later."
    )
    submitted_before: Moment = Field(
        default=_LEFT_OUT, strict=False, description="Jobs submitted before this moment (ISO 8601)."
    )


class JobFilter(JobSearch):
    """Which jobs are meant: those that match every field. At least one field must be given."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    all: Literal[True] = Field(default=_LEFT_OUT, description="All jobs. Needed if no other field is given.")
    job_ids: list[JobId] = Field(
        default=_LEFT_OUT, min_length=1, max_length=10_000, description="Jobs with one of these names."
    )

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set - {"to"}:
            raise ValueError(gettext('is empty: name a field, or {"all": true} for all jobs'))
        return self


class ListFilter(JobSearch):
    """Which jobs are listed, and in which order."""

    status: Literal["queued", "running", "succeeded", "failed", "cancelled"] = Field(
        default=_LEFT_OUT, description="Jobs that are in this state now."
    )
    error: str = Field(
        default=_LEFT_OUT,
        min_length=1,
        max_length=200,
        pattern=r"^[^\x00]*$",
        description="Jobs whose error has this text, in capitals or not.",
    )
    after: int = Field(
        default=_LEFT_OUT,
        strict=False,
        ge=0,
        lt=10**18,
        description="Jobs that ended after this completion: the id of an event, as the stream's `after`.",
    )
    sort: Literal["newest", "oldest"] = Field(default="newest", description="By submission.")


class CancelFilter(JobFilter):
    """Which jobs are to be cancelled: those that match every field. At least one field must be given."""

    status: Literal["queued", "running"] = Field(
        default=_LEFT_OUT, description="Only jobs that wait, or only those that run. Left out: both."
    )


End = Literal["front", "back"]
"""An end of an owner's own flow."""
_To = Annotated[End, Field(description="Before all jobs of the owner's own flow that wait, or behind all submitted.")]


class Move(BaseModel):
    """Where a job is to be moved."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    to: _To


class MoveFilter(JobFilter):
    """Which jobs are to be moved, and where: those that match every field. Besides `to` at least one must be given."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 2})

    to: _To


class RetryFilter(JobFilter):
    """Which jobs are to be retried: those that match every field. At least one field must be given."""

    status: Literal["failed", "cancelled"] = Field(
        default=_LEFT_OUT, description="Only jobs that failed, or only those that were cancelled. Left out: both."
    )


class Cancelled(BaseModel):
    """What came of the jobs of a filter."""

    cancelled: int = Field(description="Jobs that waited, and are cancelled.")
    stopping: int = Field(description="Jobs that run, and are asked to stop.")
    unchanged: int = Field(
        description="Jobs that ended, or began, before they were reached; with job_ids: all other names."
    )
    more: bool = Field(description="Whether there are more, which were not reached: send the same again.")


class Moved(BaseModel):
    """What came of the jobs of a filter."""

    moved: int = Field(description="Jobs that are at this end now, in the order that they had.")
    unchanged: int = Field(description="Jobs that do not wait, or are in no flow; with job_ids: all other names.")


class Retried(BaseModel):
    """What came of the jobs of a filter."""

    retried: int = Field(description="Jobs that wait again.")
    unchanged: int = Field(description="Jobs that others retried before; with job_ids: all other names.")
    more: bool = Field(description="Whether there are more, which were not reached: send the same again.")


def parse_filter(shape: type[F], data: Any) -> F:
    """Return the filter in `data`. Raises InvalidFilter, which names each field (of the first MAX_ERRORS errors)."""
    try:
        return shape.model_validate(data)
    except ValidationError as invalid:
        raise InvalidFilter(list(field_errors(invalid, "filter"))[:MAX_ERRORS]) from None
