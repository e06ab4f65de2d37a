"""The JSON of the API as typed objects. Fields that a newer server adds are ignored."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Literal, TypedDict

import msgspec

Status = Literal["queued", "running", "succeeded", "failed", "cancelled"]
End = Literal["front", "back"]


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """What the server says. Two with the same content are equal."""

    def as_json(self) -> dict[str, Any]:
        """Return the object as the API writes it."""
        data: dict[str, Any] = msgspec.to_builtins(self)
        return data


class Attempt(Shape, frozen=True, kw_only=True):
    """An attempt that failed. `time_spent`: seconds."""

    attempt: int
    started_at: datetime
    finished_at: datetime
    time_spent: float
    error: str


class Job(Shape, frozen=True, kw_only=True):
    """A job as it stood when the server was asked. docs/reference/api.md has the meaning of each field.

    `duration`, `time_spent`, `time_limit`: seconds. `memory_limit`: megabytes. Moments are in UTC.
    """

    job_id: str
    user: str | None = None
    key: str | None = None
    task: str
    duration: float
    payload: dict[str, Any] | None = None
    payload_omitted: bool = False
    status: Status
    position: int | None = None
    progress: float = 0.0
    message: str = ""
    time_spent: float = 0.0
    attempt: int = 0
    attempts: list[Attempt] = []
    stopping: bool = False
    time_limit: float | None = None
    memory_limit: float | None = None
    run_at: datetime | None = None
    submitted_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    result: Any = None
    result_omitted: bool = False
    error: str = ""

    @property
    def ended(self) -> bool:
        """Whether it succeeded, failed or was cancelled."""
        return self.status in ("succeeded", "failed", "cancelled")

    @property
    def succeeded(self) -> bool:
        """Whether it succeeded."""
        return self.status == "succeeded"


class WaitingJob(Job, frozen=True, kw_only=True):
    """A queued job in a queue. `tag`: its place on the curve of Estimates."""

    estimated_start: datetime | None = None
    tag: float | None = None


class Share(Shape, frozen=True, kw_only=True):
    """What a flow is owed now. `owed`: a fraction of all processors, 0 to 1. `own`: whether it is the owner's alone."""

    owed: float
    weight: float
    cap: int | None = None
    active: bool = False
    flows: int = 1
    flow: str = ""
    own: bool = False


class Processors(Shape, frozen=True, kw_only=True):
    """The processors of all clusters."""

    alive: int
    busy: int
    starting: int = 0


class Stage(Shape, frozen=True, kw_only=True):
    """A stage of a job. `at`: seconds of the attempt at which it began. `seconds`: how long it took, or has taken."""

    name: str
    at: float
    seconds: float


class JobLog(Shape, frozen=True, kw_only=True):
    """What a job said in the attempt that runs, or in the last one. `note`: Markdown, as the task wrote it."""

    attempt: int
    log: str
    stages: list[Stage] = []
    note: str = ""


class Wait(Shape, frozen=True, kw_only=True):
    """Why a job waits, in a word and a sentence, and when it should start; docs/reference/api.md has the words."""

    reason: str
    sentence: str
    not_before: datetime | None = None
    estimated_start: datetime | None = None
    earliest: datetime | None = None
    latest: datetime | None = None
    held: float | None = None
    jobs_before: int | None = None
    others_before: int | None = None
    rule: str | None = None
    running: int = 0
    share: Share
    processors: Processors


class Queue(Shape, frozen=True, kw_only=True):
    """A queue: what runs, the first jobs that wait, and the share. As an event: it has changed."""

    time: datetime
    user: str | None = None
    key: str | None = None
    running: list[Job]
    waiting: list[WaitingJob]
    waiting_count: int
    paused: str | None = None
    share: Share
    processors: Processors


class Estimates(Shape, frozen=True, kw_only=True):
    """An event: what others' jobs change of a queue. `starts`: pairs of a tag and seconds. `pace`: seconds a tag.

    `ranges`: triples of seconds and two factors. A start that is at least so many seconds away should come between the
    products. `held`: the part of the last ranges that did.
    """

    time: datetime
    processors: Processors
    shares: list[Share]
    starts: list[tuple[float, float]]
    pace: float
    ranges: list[tuple[float, float, float]] = []
    held: float | None = None
    behind: float = 0.0


class RunningJob(Shape, frozen=True, kw_only=True):
    """How far a job is. `progress`: 0 to 1. `time_spent`: seconds."""

    job_id: str
    progress: float
    message: str
    time_spent: float


class Progress(Shape, frozen=True, kw_only=True):
    """An event: how far the running jobs are."""

    time: datetime
    jobs: list[RunningJob]


class Completed(Shape, frozen=True, kw_only=True):
    """An event: a job has ended, durably. `number`: continue after it with events(after=number)."""

    number: int
    job: Job


class Reset(Shape, frozen=True, kw_only=True):
    """An event: completions after the number asked for are gone. The stream goes on after `number`, with this queue."""

    number: int
    queue: Queue


class Reconnecting(Shape, frozen=True, kw_only=True):
    """An event: the stream was cut. The next try is in so many seconds."""

    reason: str
    seconds: float


Event = Queue | Estimates | Progress | Completed | Reset | Reconnecting


class Submission(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A job to submit. `duration`: expected processor seconds. `job_id` None: the client makes one up.

    `time_limit`: seconds. `memory_limit`: megabytes. `run_at`: with a time zone. `user`, `key`: for staff.
    """

    duration: float
    task: str = "wait"
    payload: dict[str, Any] = {}
    job_id: str | None = None
    run_at: datetime | None = None
    time_limit: float | None = None
    memory_limit: float | None = None
    user: str | None = None
    key: str | None = None


class BulkResult(Shape, frozen=True, kw_only=True):
    """What came of many submissions: how many are new, how many were there, and all names in order."""

    accepted: int
    existing: int
    job_ids: list[str] = []


class JobFilter(TypedDict, total=False):
    """Which jobs are meant: those that match every field. `submitted_after`: at this moment or later."""

    task: str
    job_ids: Iterable[str]
    prefix: str
    submitted_after: datetime
    submitted_before: datetime
    all: Literal[True]


class CancelFilter(JobFilter, total=False):
    """Which jobs are to be cancelled."""

    status: Literal["queued", "running"]


class RetryFilter(JobFilter, total=False):
    """Which jobs are to be retried."""

    status: Literal["failed", "cancelled"]


class Cancelled(Shape, frozen=True, kw_only=True):
    """What came of jobs to cancel by a filter."""

    cancelled: int
    stopping: int
    unchanged: int


class Moved(Shape, frozen=True, kw_only=True):
    """What came of jobs to move by a filter."""

    moved: int
    unchanged: int


class Retried(Shape, frozen=True, kw_only=True):
    """What came of jobs to retry by a filter."""

    retried: int
    unchanged: int
