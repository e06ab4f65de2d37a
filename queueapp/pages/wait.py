"""Why a job waits, in the words of its page."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ..snapshots import shapes
from . import humanize


def wait_shown(wait: shapes.WaitExplained, now: datetime) -> dict[str, Any]:
    """Return the sentence, when the job should start, and the facts that both follow from, each a name and a text."""
    return {"sentence": wait["sentence"], "start": _start(wait, now), "facts": _facts(wait)}


def _start(wait: shapes.WaitExplained, now: datetime) -> str:
    """Return when it should start, and how often such a range held. Empty: its moment is known, or nothing is."""
    if wait["estimated_start"] is None or wait["not_before"] is not None:
        return ""
    if wait["earliest"] is None or wait["latest"] is None:
        return f"It should start {humanize.soon(_seconds(wait['estimated_start'], now))}."
    said = humanize.soon_between(_seconds(wait["earliest"], now), _seconds(wait["latest"], now))
    held = "" if wait["held"] is None else f" Of the last 200 such ranges, {wait['held']:.0%} held."
    return f"It should start {said}.{held}"


def _facts(wait: shapes.WaitExplained) -> list[tuple[str, str]]:
    share, processors = wait["share"], wait["processors"]
    running = f"{wait['running']:,}" + (f" of at most {share['cap']:,}" if share["cap"] is not None else "")
    facts = [
        ("Rule", wait["rule"] or "none: all jobs in the order of submission"),
        ("Share", humanize.turns(share["owed"], share["flows"]) if share["owed"] else "no turns while paused"),
        ("Running in its flow", running),
    ]
    if wait["jobs_before"] is not None:
        facts.append(("Before it in its flow", f"{wait['jobs_before']:,}"))
        others = "many, or not known" if wait["others_before"] is None else f"about {wait['others_before']:,}"
        facts.append(("Before it of others", others))
    facts.append(("Processors", humanize.processors(mine=0, **processors)))
    return facts


def _seconds(moment: str, now: datetime) -> float:
    return (datetime.fromisoformat(moment) - now).total_seconds()
