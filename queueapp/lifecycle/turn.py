"""Settles a processor's last turn and claims the next one, in one round trip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from django.db import DatabaseError

from ..conf import queue_settings
from ..db.conflicts import retried
from ..db.statements import prepared_row
from .outcome import OUTCOMES, JobOutcome, literal

_ARGUMENTS = f"%s, %s, {OUTCOMES}, %s, %s::float8, %s, %s::float8, %s::bigint[]"
_TAKE_TURN = f"SELECT * FROM queueapp_take_turn({_ARGUMENTS})"  # noqa: S608 (of constants)


@dataclass(slots=True)
class ClaimedJob:
    """A job of a turn. `name`: the submitter's job_id; `payload` as JSON text; `attempt` from 1; `limit` in seconds,
    `memory_limit` in megabytes."""

    id: int
    name: str
    owner: int
    task: str
    payload: str
    duration: float
    attempt: int
    limit: float | None = None
    memory_limit: float | None = None


@dataclass(frozen=True)
class Turn:
    """What one claim took; without jobs: nothing waits. `kept`: whether the last turn's lease still stood."""

    number: int = 0
    jobs: list[ClaimedJob] = field(default_factory=list)
    kept: bool = True


class NotAccepting(Exception):
    """This processor takes no turns now: it is draining, or its row is gone."""


def take_turn(
    processor: int,
    last: int = 0,
    outcomes: Sequence[JobOutcome] | None = None,
    *,
    now: float = 0.0,
    more: bool = True,
) -> Turn:
    """Settle turn number `last` with its outcomes (None: there was none), then take the next where `more` says so.

    Commits on its own: call it outside of any transaction. Raises NotAccepting. Locks: see db/sql/turn/take_turn.sql.
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
    return Turn(number or 0, [ClaimedJob(*job) for job in jobs or ()], kept)
