"""claim: a processor settles its last turn and takes the next one, in one round trip."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import DatabaseError, connection

from ..conf import queue_settings
from .retry import retried
from .settle import JobOutcome, outcomes_json


@dataclass(frozen=True)
class ClaimedJob:
    """A job of a turn. `name` is the submitter's job_id; `attempt` counts from 1; `limit`: its own, in seconds."""

    id: int
    name: str
    owner: int
    task: str
    payload: dict[str, Any]
    duration: float
    attempt: int
    limit: float | None = None


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

    Commits twice on its own: call it outside of any transaction. Raises NotAccepting. Locks: one flow at a time,
    see sql/take_turn.sql.
    """
    settings = queue_settings()
    settled = None if outcomes is None else outcomes_json(outcomes, now)
    arguments = [processor, last, more, settings.QUANTUM, settings.MAX_TURN, settings.LEASE, settled]

    def work() -> dict[str, Any]:
        with connection.cursor() as cursor:
            cursor.execute("CALL queueapp_take_turn(%s, %s, %s, %s::float8, %s, %s::float8, %s::jsonb)", arguments)
            answer: dict[str, Any] = json.loads(cursor.fetchone()[0])
            return answer

    try:
        taken = retried(work)
    except DatabaseError as error:
        if getattr(error.__cause__, "sqlstate", None) == "QJ410":
            raise NotAccepting from None
        raise
    return Turn(taken.get("turn", 0), [ClaimedJob(**job) for job in taken.get("jobs", ())], taken["kept"])
