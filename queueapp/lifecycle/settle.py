"""settle: what came of jobs is recorded, and the flow is charged for what was really spent."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection

from ..states import Status
from .retry import retried

LONGEST_ERROR = 10_000
"""Characters of an error's text that are kept."""


@dataclass(frozen=True)
class JobOutcome:
    """What came of one attempt at a job. `spent` and `ended` (by time.monotonic) in seconds; `result` as JSON text.

    `retry`: seconds until the next attempt; the job has not ended then, and its status does not matter.
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

    def as_json(self, now: float) -> str:
        """The object that record.sql takes. `now` by time.monotonic."""
        fields = {
            "job": self.job,
            "owner": self.owner,
            "status": self.status if self.retry is None else "retry",
            "retry": self.retry,
            "attempt": self.attempt,
            "spent": self.spent,
            "ago": max(now - self.ended, 0.0),
            "progress": self.progress,
            "message": self.message,
            "error": self.error[:LONGEST_ERROR],
        }
        return f'{json.dumps(fields)[:-1]}, "result": {self.result or "null"}}}'


def outcomes_json(outcomes: Sequence[JobOutcome], now: float) -> str:
    """The list that settle.sql takes."""
    return f"[{','.join(outcome.as_json(now) for outcome in outcomes)}]"


def settle_part(
    processor: int, turn: int, outcomes: Sequence[JobOutcome], *, keep: int, elapsed: float, now: float
) -> bool:
    """Record what is over of a turn while job `keep` runs on, and put back what was not started.

    Returns whether the lease still stood. Locks: see sql/settle.sql.
    """
    arguments: list[Any] = [processor, turn, outcomes_json(outcomes, now), keep, elapsed]

    def work() -> bool:
        with connection.cursor() as cursor:
            cursor.execute("SELECT queueapp_settle(%s, %s, %s::jsonb, %s, %s)", arguments)
            return bool(cursor.fetchone()[0])

    return retried(work)
