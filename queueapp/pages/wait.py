"""Why a job waits, in the words of its page."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils.translation import gettext

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
        said = humanize.soon(_seconds(wait["estimated_start"], now))
        return gettext("It should start %(soon)s.") % {"soon": said}
    said = humanize.soon_between(_seconds(wait["earliest"], now), _seconds(wait["latest"], now))
    sentence = gettext("It should start %(soon)s.") % {"soon": said}
    if wait["held"] is None:
        return sentence
    held = gettext("Of the last 200 such ranges, %(percent)s held.") % {"percent": humanize.percent(wait["held"])}
    return f"{sentence} {held}"


def _facts(wait: shapes.WaitExplained) -> list[tuple[str, str]]:
    share, processors = wait["share"], wait["processors"]
    owed = humanize.turns(share["owed"], share["flows"]) if share["owed"] else gettext("no turns while paused")
    facts = [
        (gettext("Rule"), wait["rule"] or gettext("none: all jobs in the order of submission")),
        (gettext("Share"), owed),
        (gettext("Running in its flow"), _running(wait["running"], share["cap"])),
    ]
    if wait["jobs_before"] is not None:
        facts.append((gettext("Before it in its flow"), humanize.number(wait["jobs_before"])))
        others = gettext("many, or not known")
        if wait["others_before"] is not None:
            others = gettext("about %(number)s") % {"number": humanize.number(wait["others_before"])}
        facts.append((gettext("Before it of others"), others))
    facts.append((gettext("Processors"), humanize.processors(mine=0, **processors)))
    return facts


def _running(running: int, cap: int | None) -> str:
    number = humanize.number(running)
    if cap is None:
        return number
    return gettext("%(number)s of at most %(most)s") % {"number": number, "most": humanize.number(cap)}


def _seconds(moment: str, now: datetime) -> float:
    return (datetime.fromisoformat(moment) - now).total_seconds()
