"""The shapes of what the API takes and gives, for its schema; validation of submissions is lifecycle/validation.py."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from ..lifecycle.validation import Submission
from ..states import Status


class BulkSubmission(BaseModel):
    """Many jobs, accepted all or nothing."""

    jobs: list[Submission] = Field(min_length=1, max_length=10_000)


class BulkAccepted(BaseModel):
    """What came of a bulk submission."""

    accepted: int = Field(description="Jobs that are new.")
    existing: int = Field(description="Jobs that stood there already with the same content.")


class AttemptShape(BaseModel):
    """An attempt that failed."""

    attempt: int
    started_at: datetime
    finished_at: datetime
    time_spent: float
    error: str


class JobShape(BaseModel):
    """A job."""

    job_id: str
    user: str | None = Field(description="Whose it is; null: the key's.")
    key: str | None = Field(description="The fairness key whose it is, instead of a user.")
    task: str
    duration: float = Field(description="Expected processor seconds.")
    payload: dict[str, Any] | None = Field(description="Null where it is omitted.")
    payload_omitted: bool = Field(
        description="In lists, queues and events only: it is larger than 1 KB. The job's own address has it."
    )
    status: Status
    position: int | None = Field(description="Place in its flow, from 1; null: it does not wait, or far back.")
    progress: float = Field(ge=0, le=1)
    message: str = Field(description="What it said last; of a waiting job why it waits, if that is known.")
    time_spent: float = Field(description="Processor seconds so far; grows while it runs; in the end of all attempts.")
    attempt: int
    attempts: list[AttemptShape] = Field(description="Those that failed.")
    stopping: bool = Field(description="It runs, and was asked to stop.")
    time_limit: float | None = Field(description="Seconds that one attempt may take.")
    memory_limit: float | None = Field(description="Megabytes that one attempt may take.")
    run_at: datetime | None = Field(description="Not to be started before.")
    submitted_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    result: Any = Field(description="Null where there is none, and where it is omitted.")
    result_omitted: bool = Field(description="As payload_omitted.")
    error: str = Field(
        description="Lists, queues and events have the first 1,024 characters, the last of them an ellipsis."
    )


class WaitingJob(JobShape):
    """A waiting job in a queue."""

    estimated_start: datetime | None = Field(description="Or run_at, where no more is known; null: nothing is known.")


class Share(BaseModel):
    """What your flow is owed now."""

    owed: float = Field(description="Fraction of all processors, 0 to 1.")
    weight: float
    flow: str
    flows: int = Field(description="Flows that take turns now, yours included.")
    cap: int | None = Field(description="Most processors at once; null: no limit.")


class Processors(BaseModel):
    """The processors of the whole site."""

    alive: int
    busy: int


class Queue(BaseModel):
    """Your queue."""

    time: datetime
    user: str | None
    key: str | None
    running: list[JobShape]
    waiting: list[WaitingJob] = Field(description="The first 100, in order.")
    paused: str | None = Field(description="What of it staff have paused, and why, in a sentence; null: nothing.")
    waiting_count: int = Field(description="All that wait; 10001 means more than 10,000.")
    share: Share
    processors: Processors


class FieldProblem(BaseModel):
    """What is wrong with one field."""

    field: str
    message: str
    index: int | None = Field(default=None, description="Of the job in a bulk submission.")


class Problem(BaseModel):
    """An error (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[FieldProblem] | None = None
