"""The check of a recovered database: it must have all that was acknowledged or told before the loss of power."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bench.histories.history import NEVER, History, Told


@dataclass
class Kept:
    """How much was looked for, and what was missing, in words.

    `undone`: missing outcomes that only a GET had shown, which promises nothing.
    """

    looked_for: int = 0
    missing: list[str] = field(default_factory=list)
    undone: int = 0


def compare(history: History, until: float, outcomes: Mapping[str, tuple[str, int]], there: set[str]) -> Kept:
    """Compare what was acknowledged or told until `until`, in seconds of the history's clock, with the database.

    `outcomes`: its (status, number) by job. `there`: its jobs.
    """
    kept, retried = Kept(), {retry.job: retry.begun for retry in history.retries if retry.begun <= until}
    for asked in history.asked.values():
        if asked.known <= until:
            kept.looked_for += 1
            if asked.job not in there:
                kept.missing.append(f"{asked.job} was acknowledged")
    for told in history.told:
        if told.at <= until and told.job not in retried:
            _compare_outcome(kept, told, outcomes.get(told.job))
    for retry in history.retries:
        told_before = [told.number for told in history.told if told.job == retry.job and told.at <= retry.begun]
        if retry.end <= until and outcomes.get(retry.job, ("", NEVER))[1] in [n for n in told_before if n]:
            kept.missing.append(f"the retry of {retry.job} was acknowledged")
    return kept


def _compare_outcome(kept: Kept, told: Told, found: tuple[str, int] | None) -> None:
    status, number = found or ("", 0)
    if told.f == "completed":
        kept.looked_for += 1
        if (told.status, told.number) != (status, number):
            kept.missing.append(f"{told.job} was told as {told.status} with number {told.number}, is {found}")
    elif told.f == "cancel" and told.status == "cancelled":
        kept.looked_for += 1
        if status != "cancelled":
            kept.missing.append(f"the cancellation of {told.job} was acknowledged")
    elif told.status in {"succeeded", "failed"} and status != told.status:
        kept.undone += 1
