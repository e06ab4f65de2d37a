"""The JSON of the API and the event stream: the one description that the code, the schema and the page are held to.

mypy holds snapshots/ to it, api/schemas.py makes the OpenAPI schema of it, and tools/node/ the types of the page's
scripts. A field is added here and where its value comes from.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, TypeAlias, overload

from pydantic import Field, WithJsonSchema
from typing_extensions import TypedDict

from ..policy.wait_reason import Reason
from ..states import Status

Moment: TypeAlias = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]
"""ISO 8601, UTC, with microseconds."""


class Attempt(TypedDict):
    """An attempt that failed."""

    attempt: int
    started_at: Moment
    finished_at: Moment
    time_spent: float
    error: str


class Job(TypedDict):
    """A job."""

    job_id: str
    user: Annotated[str | None, Field(description="Whose it is; null: the key's.")]
    key: Annotated[str | None, Field(description="The fairness key whose it is, instead of a user.")]
    task: str
    duration: Annotated[float, Field(description="Expected processor seconds.")]
    payload: Annotated[dict[str, Any] | None, Field(description="Null if it is omitted.")]
    payload_omitted: Annotated[
        bool,
        Field(description="In lists, queues and events only: it is larger than 1 KB. The job's own address has it."),
    ]
    status: Status
    position: Annotated[int | None, Field(description="Place in its flow, from 1; null: not queued, or far back.")]
    progress: Annotated[float, Field(ge=0, le=1)]
    message: Annotated[str, Field(description="What it said last; of a queued job why it waits, if that is known.")]
    time_spent: Annotated[
        float, Field(description="Processor seconds so far; grows while it runs; in the end of all attempts.")
    ]
    attempt: int
    attempts: Annotated[list[Attempt], Field(description="Those that failed.")]
    stopping: Annotated[bool, Field(description="It runs, and was asked to stop.")]
    time_limit: Annotated[float | None, Field(description="Seconds that one attempt may take.")]
    memory_limit: Annotated[float | None, Field(description="Megabytes that one attempt may take.")]
    run_at: Annotated[Moment | None, Field(description="It does not start before.")]
    submitted_at: Moment
    started_at: Moment | None
    finished_at: Moment | None
    result: Annotated[Any, Field(description="Null if there is none, or it is omitted.")]
    result_omitted: Annotated[bool, Field(description="As payload_omitted.")]
    error: Annotated[
        str,
        Field(description="In lists, queues and events: the first 1,024 characters, the last one an ellipsis."),
    ]


class WaitingJob(Job):
    """A queued job in a queue."""

    estimated_start: Annotated[
        Moment | None, Field(description="Or run_at, if no more is known; null: nothing is known.")
    ]
    tag: Annotated[
        float | None,
        Field(description="Virtual time of its turn, for `starts` of the estimates; null: estimated_start stands."),
    ]


class Counts(TypedDict):
    """How many of your jobs are in each state; 100001 means more than 100,000."""

    queued: int
    running: int
    succeeded: Annotated[int | None, Field(description="Null: not counted, as more than 100,000 did not succeed.")]
    failed: int
    cancelled: int


class ShareOwed(TypedDict):
    """What a flow with these terms is owed now."""

    owed: Annotated[float, Field(description="Fraction of all processors, 0 to 1.")]
    weight: float
    cap: Annotated[int | None, Field(description="Processors at once, at most; null: no limit.")]
    active: Annotated[bool, Field(description="Whether it has queued or running jobs.")]
    flows: Annotated[int, Field(description="Flows that take turns now, this one included.")]


class Share(ShareOwed):
    """What your flow is owed now; 0 while your jobs are paused."""

    flow: str
    own: Annotated[bool, Field(description="Whether it is yours alone, so that you can move jobs in it.")]


class Processors(TypedDict):
    """The processors of all clusters."""

    alive: int
    busy: int
    starting: Annotated[int, Field(description="Those that the fleet should have, and that are not alive yet.")]


class Queue(TypedDict):
    """Your queue."""

    time: Moment
    user: str | None
    key: str | None
    running: list[Job]
    waiting: Annotated[list[WaitingJob], Field(description="The first 100, in order; in events the first 20.")]
    paused: Annotated[
        str | None, Field(description="What of it staff have paused, and why, in a sentence; null: nothing.")
    ]
    waiting_count: Annotated[int, Field(description="All that wait; 10001 means more than 10,000.")]
    share: Share
    processors: Processors


class Estimates(TypedDict):
    """What others' jobs change of your queue: the same for all users, at most once a second.

    A queued job with a tag starts at `time` plus its seconds in `starts`: interpolated between two points, the first
    one's before all, and beyond the last one `pace` more for each unit of its tag.
    """

    time: Moment
    processors: Processors
    shares: Annotated[list[ShareOwed], Field(description="By terms; the one with those of your share is yours.")]
    starts: Annotated[list[list[float]], Field(description="Pairs of a tag and seconds, in order.")]
    pace: float
    ranges: Annotated[
        list[list[float]],
        Field(
            description="How exact starts are: for those from so many seconds on, the factors of the earliest and the "
            "latest start. The last that fits counts; none: too little is known."
        ),
    ]
    held: Annotated[float | None, Field(description="The part of the last 200 ranges that held; null: not known yet.")]
    behind: Annotated[float, Field(description="Seconds by which the server is late to send changed queues.")]


class Stage(TypedDict):
    """A stage of a job, as its task named it."""

    name: str
    at: Annotated[float, Field(description="Seconds of the attempt at which it began.")]
    seconds: Annotated[float, Field(description="How long it took, or has taken so far.")]


class JobLog(TypedDict):
    """What a job said in the attempt that runs, or in the last one."""

    attempt: Annotated[int, Field(description="0: it has not started.")]
    log: Annotated[
        str, Field(description="What it printed; of more than 16 KB the ends. While it runs, the last 8 KB so far.")
    ]
    stages: list[Stage]
    note: Annotated[str, Field(description="Markdown, as the task wrote it last.")]


class ExpectedStart(TypedDict):
    """When a job should start, if that can be told."""

    estimated_start: Annotated[Moment | None, Field(description="Or not_before; null: nothing is known.")]
    earliest: Annotated[
        Moment | None, Field(description="Four of five jobs start between these two; null: too little is known yet.")
    ]
    latest: Moment | None
    held: Annotated[float | None, Field(description="The part of the last 200 ranges that held; null: not known yet.")]


class WaitExplained(ExpectedStart):
    """Why a job waits."""

    reason: Annotated[Reason, Field(description="What has to happen before it can start; others may follow.")]
    sentence: str
    not_before: Annotated[Moment | None, Field(description="The moment that it waits for; null: none.")]
    jobs_before: Annotated[
        int | None, Field(description="Jobs before it in its flow; null: it is in none, or far back.")
    ]
    others_before: Annotated[
        int | None, Field(description="Jobs of other flows that should start before it; null: not known, or many.")
    ]
    rule: Annotated[str | None, Field(description="The name of the rule that its flow follows.")]
    running: Annotated[int, Field(description="Jobs of its flow that run.")]
    share: Share
    processors: Processors


class ClusterPart(TypedDict):
    """A cluster: the processors of one host."""

    host: str
    minimum: int
    maximum: int
    part: Annotated[int, Field(description="Processors that it should run now.")]


class FleetDecision(TypedDict):
    """A change of the number of processors."""

    at: Moment
    before: int
    wished: int
    alive: int
    reason: str


class Fleet(TypedDict):
    """How many processors there should be, how many there are, and why."""

    wished: int
    alive: int
    busy: int
    minimum: Annotated[int | None, Field(description="As staff set it; null: as the hosts are configured.")]
    maximum: Annotated[int | None, Field(description="As staff set it; null: as many as the hosts can run.")]
    target_wait: Annotated[float, Field(description="Seconds within which jobs should start.")]
    dry_run: Annotated[bool, Field(description="Decisions are recorded, and not followed.")]
    clusters: list[ClusterPart]
    decisions: Annotated[list[FleetDecision], Field(description="The newest 20, newest first.")]


class UseSums(TypedDict):
    """Jobs that ended, and what they took."""

    succeeded: int
    failed: int
    cancelled: int
    time_spent: Annotated[float, Field(description="Processor seconds of all attempts that ended.")]


class UseOfDay(UseSums):
    """What you used on a day."""

    day: Annotated[str, WithJsonSchema({"type": "string", "format": "date"}), Field(description="By UTC.")]


class UseOfTask(UseSums):
    """What you used for a task."""

    task: str


class Use(TypedDict):
    """What you used in the last 30 days, today included."""

    days: Annotated[list[UseOfDay], Field(description="Each day, the oldest first.")]
    tasks: Annotated[list[UseOfTask], Field(description="In all of these days; the one with the most time first.")]
    total: UseSums


class RunningJob(TypedDict):
    """How far a job is."""

    job_id: str
    progress: float
    message: str
    time_spent: float


class Progress(TypedDict):
    """How far your running jobs are."""

    time: Moment
    jobs: list[RunningJob]


@overload
def iso(moment: datetime) -> Moment: ...
@overload
def iso(moment: datetime | None) -> Moment | None: ...
def iso(moment: datetime | None) -> Moment | None:
    """Return the moment as the JSON has it; None stays None."""
    return None if moment is None else moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
