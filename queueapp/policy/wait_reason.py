"""Why a job waits: the first reason that holds. snapshots/wait_sentence.py tells it to people."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """What has to happen before the job can start."""

    PAUSED = "paused"
    """Staff end a pause."""
    DEFERRED = "deferred"
    """A processor comes that has its task."""
    RETRY = "retry"
    """The pause after a failed attempt ends."""
    NOT_DUE = "not_due"
    """The moment comes that it was submitted for."""
    JOINING = "joining"
    """It joins its flow, within seconds."""
    MOVING = "moving"
    """Its flow's jobs are moved, after a change of the rules."""
    NO_PROCESSORS = "no_processors"
    """A processor starts."""
    CAP = "cap"
    """One of the flow's running jobs ends."""
    TURNS = "turns"
    """The jobs before it start."""
    NEXT = "next"
    """A processor is free."""


@dataclass(frozen=True)
class WaitFacts:
    """What is known of a waiting job, its flow and the processors.

    `paused`: the sentence of a pause. `note`: why it was deferred. `attempt`: which one is next. `due`: its moment has
    come. `flow`: the name of a flow that it shares with other owners; `joined`: it is in a flow; `held`: its flow is.
    `running`: jobs of the flow that run. `before`, `others_before`: the jobs of its flow, and of other flows, whose
    turn comes first; None: too many to count.
    """

    paused: str | None = None
    note: str = ""
    attempt: int = 1
    due: bool = True
    joined: bool = True
    held: bool = False
    flow: str | None = None
    rule: str | None = None
    cap: int | None = None
    running: int = 0
    before: int | None = 0
    others_before: int | None = 0
    alive: int = 0
    busy: int = 0
    starting: int = 0


def wait_reason(facts: WaitFacts) -> Reason:
    """Return why the job waits."""
    if facts.paused is not None:
        return Reason.PAUSED
    if not facts.due or not facts.joined:
        return _outside(facts)
    if facts.held:
        return Reason.MOVING
    if not facts.alive:
        return Reason.NO_PROCESSORS
    if facts.cap is not None and facts.running >= facts.cap:
        return Reason.CAP
    return Reason.NEXT if facts.before == 0 and facts.others_before == 0 else Reason.TURNS


def _outside(facts: WaitFacts) -> Reason:
    """Return why a job is in no flow."""
    if facts.due:
        return Reason.JOINING
    if facts.note:
        return Reason.DEFERRED
    return Reason.RETRY if facts.attempt > 1 else Reason.NOT_DUE
