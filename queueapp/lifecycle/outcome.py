"""Outcomes of jobs as they are settled: recorded, and their flow charged for the time that was really spent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import DataError, connection

from ..db.conflicts import retried
from ..models import Processor
from ..states import Status

LONGEST_ERROR = 10_000
"""Characters of an error's text that are kept."""
RETRY, DEFER = "retry", "defer"
"""What record.sql has as the status of an attempt that is not the last, and of a job that was not started."""
OUTCOMES = "%s::queueapp_job_outcome[]"
"""The argument that SQL takes of outcomes: literal()."""


@dataclass(slots=True)
class JobOutcome:
    """What came of one attempt at a job. `spent` and `ended` (by time.monotonic) in seconds; `result` as JSON text.

    `retry`: seconds until the next attempt of a job that has not ended: status FAILED, this attempt failed; QUEUED, it
    was not started, for the reason in `message`. `log`: what it printed, and its traceback.
    """

    job: int
    owner: int
    status: Status
    attempt: int
    spent: float
    ended: float
    progress: float = 0.0
    message: str = ""
    result: str | None = None
    error: str = ""
    retry: float | None = None
    log: str = ""

    def literal(self, now: float) -> str:
        """The outcome as an element of an array of queueapp_job_outcome. `now` by time.monotonic."""
        result = "" if self.result is None else _quoted(self.result)
        retry = "" if self.retry is None else repr(self.retry)
        return (
            f'"({self.job},{self.owner},{self._status()},{self.attempt},{self.spent!r},{max(now - self.ended, 0.0)!r},'
            f"{self.progress!r},{_quoted(self.message)},{result},{_quoted(self.error[:LONGEST_ERROR])},"
            f'{_quoted(self.log)},{retry})"'
        )

    def _status(self) -> str:
        if self.retry is None:
            return str(self.status)
        return DEFER if self.status is Status.QUEUED else RETRY


def literal(outcomes: Sequence[JobOutcome], now: float) -> str:
    """An array of queueapp_job_outcome. Ten times as fast as to leave the values to the driver."""
    return f"{{{','.join([outcome.literal(now) for outcome in outcomes])}}}"


def is_storable(outcome: JobOutcome) -> bool:
    """Whether the database takes these values. One statement, outside of any transaction."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {OUTCOMES}", [literal([outcome], outcome.ended)])
    except DataError:
        return False
    return True


def still_held(processor: int, turn: int, outcomes: Sequence[JobOutcome]) -> list[JobOutcome]:
    """Those of a turn's outcomes that have not been recorded, where the answer to an earlier try was lost."""
    held = Processor.objects.filter(pk=processor, turn=turn).values_list("jobs", flat=True).first()
    return [outcome for outcome in outcomes if held is None or outcome.job in held]


def _quoted(text: str) -> str:
    """A text within a row within an array: quoted and escaped for both."""
    if not text:
        return r"\"\""
    inner = text.replace("\\", "\\\\").replace('"', '\\"')
    return r"\"" + inner.replace("\\", "\\\\").replace('"', '\\"') + r"\""


def settle_part(
    processor: int, turn: int, outcomes: Sequence[JobOutcome], *, keep: int, elapsed: float, now: float
) -> bool:
    """Record what is over of a turn while job `keep` runs on, and put back what was not started.

    Returns whether the lease still stood. Locks: see db/sql/turn/settle_part.sql.
    """
    arguments: list[Any] = [processor, turn, keep, elapsed, literal(outcomes, now)]

    def work() -> bool:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT queueapp_settle_part(%s, %s, %s, %s::float8, {OUTCOMES})", arguments)
            return bool(cursor.fetchone()[0])

    return retried(work)
