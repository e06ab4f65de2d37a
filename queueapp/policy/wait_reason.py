"""Why a job waits, in a word for programs and a sentence for people. The first reason that holds is told."""

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


def wait_reason(facts: WaitFacts) -> tuple[Reason, str]:
    """Return why the job waits, and the sentence."""
    if facts.paused is not None:
        return Reason.PAUSED, facts.paused
    if not facts.due or not facts.joined:
        return _outside(facts)
    if facts.held:
        return Reason.MOVING, "Its flow's jobs are being moved, because the rules have changed."
    if not facts.alive:
        return Reason.NO_PROCESSORS, _no_processor(facts.starting)
    if facts.cap is not None and facts.running >= facts.cap:
        return Reason.CAP, _at_cap(facts)
    if facts.before == 0 and facts.others_before == 0:
        return Reason.NEXT, _next(facts)
    return Reason.TURNS, f"{_before(facts)} first."


def _outside(facts: WaitFacts) -> tuple[Reason, str]:
    """Return why a job is in no flow."""
    if facts.due:
        return Reason.JOINING, "It is about to join its flow."
    if facts.note:
        return Reason.DEFERRED, facts.note
    if facts.attempt > 1:
        return Reason.RETRY, f"Attempt {facts.attempt - 1} failed; the next one comes after a pause."
    return Reason.NOT_DUE, "It was submitted for a later moment."


def _no_processor(starting: int) -> str:
    if starting:
        return f"No processor runs yet; {_many(starting, 'is', 'are')} starting."
    return "No processor runs at present."


def _at_cap(facts: WaitFacts) -> str:
    whose = "your flow" if facts.flow is None else f"the flow {facts.flow}"
    rule = f"the rule {facts.rule}" if facts.rule else "its rule"
    jobs = _many(facts.running, f"job of {whose} runs", f"jobs of {whose} run")
    return f"{jobs}: {rule} allows {facts.cap} at once."


def _next(facts: WaitFacts) -> str:
    if facts.busy < facts.alive:
        return "It is about to start."
    return f"It is next, as soon as {'the' if facts.alive == 1 else 'one of the'} {_processors(facts.alive)} is free."


def _processors(alive: int) -> str:
    return "processor" if alive == 1 else f"{alive:,} processors"


def _before(facts: WaitFacts) -> str:
    """Return the jobs before it, with the verb: "2 of your own jobs and about 5 of others come"."""
    own = "of your own jobs" if facts.flow is None else f"of the jobs of {facts.flow}"
    parts = []
    if facts.before is None:
        parts.append(f"Many {own}")
    elif facts.before:
        parts.append(f"{facts.before:,} {own}")
    if facts.others_before is None:
        parts.append("many of others" if parts else "Many jobs of others")
    elif facts.others_before:
        about = f"about {facts.others_before:,}"
        parts.append(f"{about} of others" if parts else f"{about.capitalize()} jobs of others")
    single = len(parts) == 1 and 1 in (facts.before, facts.others_before)
    return " and ".join(parts).replace("1 jobs", "1 job") + (" comes" if single else " come")


def _many(number: int, one: str, more: str) -> str:
    return f"{number:,} {one if number == 1 else more}"
