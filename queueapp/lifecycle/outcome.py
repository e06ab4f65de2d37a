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
OUTCOMES = (
    "%s::bigint[], %s::bigint[], %s::text[], %s::smallint[], %s::float8[], %s::float8[], %s::float8[], %s::text[],"
    " %s::jsonb[], %s::text[], %s::text[], %s::float8[]"
)
"""The arguments that record.sql takes of outcomes: columns()."""
NO_OUTCOMES = ["{}"] * OUTCOMES.count("%s")
"""columns() of nothing."""


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

    def row(self, now: float) -> tuple[Any, ...]:
        """Its elements of the arrays that record.sql takes. `now` by time.monotonic."""
        return (
            self.job,
            self.owner,
            self._status(),
            self.attempt,
            self.spent,
            max(now - self.ended, 0.0),
            self.progress,
            self.message,
            self.result,
            self.error[:LONGEST_ERROR],
            self.log,
            self.retry,
        )

    def _status(self) -> str:
        if self.retry is None:
            return str(self.status)
        return DEFER if self.status is Status.QUEUED else RETRY


def columns(outcomes: Sequence[JobOutcome], now: float) -> list[str]:
    """The arrays that record.sql takes, as literals, one for each in OUTCOMES."""
    rows = [outcome.row(now) for outcome in outcomes]
    return [f"{{{','.join(map(_literal, column))}}}" for column in zip(*rows, strict=True)] or NO_OUTCOMES


def is_storable(outcome: JobOutcome) -> bool:
    """Whether the database takes these values. One statement, outside of any transaction."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {OUTCOMES}", columns([outcome], outcome.ended))
    except DataError:
        return False
    return True


def still_held(processor: int, turn: int, outcomes: Sequence[JobOutcome]) -> list[JobOutcome]:
    """Those of a turn's outcomes that have not been recorded, where the answer to an earlier try was lost."""
    held = Processor.objects.filter(pk=processor, turn=turn).values_list("jobs", flat=True).first()
    return [outcome for outcome in outcomes if held is None or outcome.job in held]


def _literal(value: str | float | None) -> str:
    """An element of an array. Ten times as fast as to leave whole lists to the driver."""
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return "NULL" if value is None else repr(value)


def settle_part(
    processor: int, turn: int, outcomes: Sequence[JobOutcome], *, keep: int, elapsed: float, now: float
) -> bool:
    """Record what is over of a turn while job `keep` runs on, and put back what was not started.

    Returns whether the lease still stood. Locks: see sql/settle_part.sql.
    """
    arguments: list[Any] = [processor, turn, keep, elapsed, *columns(outcomes, now)]

    def work() -> bool:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT queueapp_settle_part(%s, %s, %s, %s::float8, {OUTCOMES})", arguments)
            return bool(cursor.fetchone()[0])

    return retried(work)
