"""Outcomes of jobs. Settling records them and charges their flow for the time actually spent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import DataError, connection

from ..db.conflicts import retried
from ..db.routines import versioned
from ..models import Processor
from ..states import Status

LONGEST_ERROR = 10_000
"""Maximum length of an error's text, in characters. The rest is cut."""
RETRY, DEFER = "retry", "defer"
"""Statuses of record.sql for an attempt that failed and is not the last, and for a job that was not started."""
OUTCOMES = "%s::queueapp_job_outcome[]"
"""The SQL parameter of outcomes. literal() makes its value."""
_SETTLE_PART = versioned(f"SELECT queueapp_settle_part(%s, %s, %s, %s::float8, {OUTCOMES})")


@dataclass(slots=True)
class JobOutcome:
    """The outcome of one attempt at a job. `spent` is in seconds, `ended` by time.monotonic, `result` JSON text.

    `retry`: seconds until the next attempt, if the job has not ended. Status FAILED then means that this attempt
    failed, and QUEUED that it was not started, for the reason in `message`. `log`: the attempt's output and traceback.
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
        """Return the outcome as an element of an array of queueapp_job_outcome. `now`: by time.monotonic."""
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
    """Return the outcomes as an array of queueapp_job_outcome. Ten times as fast as the driver's adaptation."""
    return f"{{{','.join([outcome.literal(now) for outcome in outcomes])}}}"


def is_storable(outcome: JobOutcome) -> bool:
    """Whether the database accepts these values. One statement; call it outside of any transaction."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {OUTCOMES}", [literal([outcome], outcome.ended)])
    except DataError:
        return False
    return True


def still_held(processor: int, turn: int, outcomes: Sequence[JobOutcome]) -> list[JobOutcome]:
    """Return the outcomes of a turn that are not recorded yet, after the answer to an earlier try was lost.

    If the processor does not have that turn any more, return all: settling it then changes nothing.
    """
    held = Processor.objects.filter(pk=processor, turn=turn).values_list("jobs", flat=True).first()
    return [outcome for outcome in outcomes if held is None or outcome.job in held]


def _quoted(text: str) -> str:
    """Return a text as a field of a row in an array: quoted and escaped for both."""
    if not text:
        return r"\"\""
    inner = text.replace("\\", "\\\\").replace('"', '\\"')
    return r"\"" + inner.replace("\\", "\\\\").replace('"', '\\"') + r"\""


def settle_part(
    processor: int, turn: int, outcomes: Sequence[JobOutcome], *, keep: int, elapsed: float, now: float
) -> bool:
    """Record a turn's outcomes while job `keep` runs on, and put back the jobs that were not started.

    `elapsed`: seconds that job `keep` has run. `now`: by time.monotonic. Returns whether the turn was still the
    processor's: else nothing changes. Locks: see db/sql/turn/settle_part.sql.
    """
    arguments: list[Any] = [processor, turn, keep, elapsed, literal(outcomes, now)]

    def work() -> bool:
        with connection.cursor() as cursor:
            cursor.execute(_SETTLE_PART, arguments)
            return bool(cursor.fetchone()[0])

    return retried(work)
