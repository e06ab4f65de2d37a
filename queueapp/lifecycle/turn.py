"""Settles a processor's last turn and claims the next one, in one round trip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from django.db import DatabaseError

from ..conf import queue_settings
from ..db.conflicts import retried
from ..db.statements import prepared_row
from .outcome import NO_OUTCOMES, OUTCOMES, JobOutcome, columns

_ARGUMENTS = f"%s, %s, %s::float8, %s, %s::float8, %s, %s, {OUTCOMES}, %s::bigint[]"
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

    Commits on its own: call it outside of any transaction. Raises NotAccepting. Locks: see sql/take_turn.sql.
    """
    settings = queue_settings()
    terms = [processor, more, settings.QUANTUM_SECONDS, settings.MAX_TURN_JOBS, settings.LEASE_SECONDS, last]
    settling = [outcomes is not None, *columns(outcomes or (), now)]
    kept, again, skip = True, True, "{}"
    try:
        while again:
            take = partial(prepared_row, _TAKE_TURN, [*terms, *settling, skip], keep=True)
            skip, still_kept, again, number, *jobs = retried(take)
            kept = kept and still_kept
            settling = [False, *NO_OUTCOMES]
    except DatabaseError as error:
        if getattr(error.__cause__, "sqlstate", None) == "QJ410":
            raise NotAccepting from None
        raise
    claimed = [ClaimedJob(*job) for job in zip(*jobs, strict=True)] if number is not None else []
    return Turn(number or 0, claimed, kept)
