"""Settles a processor's last turn and claims the next one, in one round trip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from django.db import DatabaseError

from ..conf import queue_settings
from ..db.conflicts import retried
from ..db.routines import versioned
from ..db.statements import prepared_row
from ..tracing import Attempt
from .outcome import OUTCOMES, JobOutcome, literal

_ARGUMENTS = f"%s, %s, {OUTCOMES}, %s, %s::float8, %s, %s::float8, %s::bigint[]"
_TAKE_TURN = versioned(f"SELECT * FROM queueapp_take_turn({_ARGUMENTS})")  # noqa: S608 (of constants)


@dataclass(slots=True)
class ClaimedJob:
    """A job of a turn. `name` is the submitter's job_id, `payload` JSON text; `attempt` counts from 1.

    `duration` and `limit` are in seconds, `memory_limit` is in megabytes. `submitted`: see tracing.Attempt.
    """

    id: int
    name: str
    owner: int
    task: str
    payload: str
    duration: float
    attempt: int
    limit: float | None = None
    memory_limit: float | None = None
    submitted: tuple[str, float] | None = None

    def traced(self) -> Attempt:
        """Return what a span says of the attempt."""
        return Attempt(self.name, self.task, self.owner, self.attempt, self.submitted)

    def log_fields(self) -> dict[str, str | int]:
        """Return the fields of log records about this job."""
        return {"job": self.name, "owner": self.owner, "attempt": self.attempt}


@dataclass(frozen=True)
class Turn:
    """The result of a claim. Without jobs: no flow is ready, or no turn was to be taken.

    `kept`: whether the last turn was still the processor's. `retire`: staff asked the processor to end.
    """

    number: int = 0
    jobs: list[ClaimedJob] = field(default_factory=list)
    kept: bool = True
    retire: bool = False


class NotAccepting(Exception):
    """This processor takes no turn now: it is draining, in the middle of a turn, or its row is gone."""


def take_turn(
    processor: int,
    last: int = 0,
    outcomes: Sequence[JobOutcome] | None = None,
    *,
    now: float = 0.0,
    more: bool = True,
) -> Turn:
    """Settle turn number `last` with its outcomes (None: nothing is to be settled); then claim the next if `more`.

    `now`: by time.monotonic. Commits on its own: call it outside of any transaction. Raises NotAccepting.
    Locks: see db/sql/turn/take_turn.sql.
    """
    settings = queue_settings()
    terms = [more, settings.QUANTUM_SECONDS, settings.MAX_TURN_JOBS, settings.LEASE_SECONDS]
    settling = None if outcomes is None else literal(outcomes, now)
    kept, status, skip = True, "retry", "{}"
    try:
        while status == "retry":
            take = partial(prepared_row, _TAKE_TURN, [processor, last, settling, *terms, skip], keep=True)
            skip, still_kept, status, number, jobs = retried(take)
            kept, settling = kept and still_kept, None
    except DatabaseError as error:
        if getattr(error.__cause__, "sqlstate", None) == "QJ410":
            raise NotAccepting from None
        raise
    return Turn(number or 0, [ClaimedJob(*job) for job in jobs or ()], kept, status == "retire")
