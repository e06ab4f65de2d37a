"""The effects of a change of rules on the present backlog, as a template shows them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from queueapp.policy.preview.effects import NOTICEABLE_SECONDS, Effect, Preview, differ, preview
from queueapp.policy.preview.state import QueueState
from queueapp.snapshots.backlog import MAX_JOBS_READ, read_backlog
from queueapp.snapshots.idle_owners import idle_rerouted

from ..formatting import moment
from .change import Change
from .rows import MAX_ROWS, jobs, rows, soon, users


def report(change: Change, now: datetime, *, linked: bool) -> dict[str, Any]:
    """Return the context of preview_report.html. `linked`: whether users' names link to their pages."""
    later = change.begins_later(now)
    shown = change.as_if_begun() if later else change
    present, (before, after) = read_backlog(now, shown.before, shown.after)
    found = preview(present, before, after)
    idle = idle_rerouted(before, shown.touched, shown.before, shown.after, now)
    rerouted = [effect for effect in found.effects if effect.rerouted]
    others = [effect for effect in found.effects if not effect.rerouted]
    return {
        "notices": list(_notices(change, present, found, now, later=later)),
        "queue": _queue(present, found),
        "summary": _summary(found, len(rerouted)),
        "tiles": _tiles(found) if _timed(present) and found.effects else [],
        "end": _end(found) if found.effects else "",
        "idle": _idle(*idle),
        "tables": [
            table
            for table in (
                _table("Users who would take turns differently", rerouted, present, shown, linked=linked, turns=True),
                _table("Others who would notice", others, present, shown, linked=linked, turns=False),
            )
            if table["rows"]
        ],
    }


def _table(
    title: str, effects: Sequence[Effect], present: QueueState, change: Change, *, linked: bool, turns: bool
) -> dict[str, Any]:
    more = len(effects) - MAX_ROWS
    return {
        "title": title,
        "turns": turns,
        "rows": rows(effects, present.waiting, change.names, rough=bool(present.samples), linked=linked),
        "more": f"And {users(more)} more, with smaller changes." if more > 0 else "",
    }


def _notices(change: Change, present: QueueState, found: Preview, now: datetime, *, later: bool) -> Iterator[str]:
    """Yield what staff have to know before they read the numbers."""
    rule = change.posted
    if rule is not None and not change.active:
        yield "The rule would be switched off, and decide nothing."
    elif rule is not None and rule.valid_until is not None and rule.valid_until <= now:
        yield f"The rule ended on {moment(rule.valid_until)}: it decides nothing any more."
    elif rule is not None and later:
        yield f"The rule only begins on {moment(rule.valid_from)}. This is what it would do if it began now."
    elif rule is not None and rule.valid_until is not None and _outlasts(rule.valid_until, found, now):
        yield f"The rule ends on {moment(rule.valid_until)}, before all of this has started; later starts change again."
    if not present.processors:
        yield "No processor is at work, so nobody knows when jobs start. The shares hold as soon as one is."
    elif not present.timed:
        yield f"More than {MAX_JOBS_READ:,} users have jobs: shares are shown, and no times."
    elif present.samples:
        yield "The backlog is deep: of each user's later jobs only the sum is looked at, so times far ahead are rough."


def _outlasts(end: datetime, found: Preview, now: datetime) -> bool:
    last = found.ends[1]
    return last is not None and now + timedelta(seconds=last) > end


def _timed(present: QueueState) -> bool:
    return present.timed and present.processors > 0


def _queue(present: QueueState, found: Preview) -> str:
    """Return how many jobs, users and processors there are now, in a sentence."""
    waiting, running = sum(present.waiting.values()), len(present.running)
    if not found.owners:
        return "No job waits or runs now."
    run = "none runs" if running == 0 else "1 runs" if running == 1 else f"{running:,} run"
    on = "1 processor" if present.processors == 1 else f"{present.processors:,} processors"
    return f"{jobs(waiting).capitalize()} and {run} now, of {users(found.owners)}, on {on}."


def _summary(found: Preview, rerouted: int) -> str:
    """Return how many users would notice, in a sentence."""
    if not found.effects:
        return "Nobody who has jobs now would notice anything." if found.owners else "Nobody would notice anything now."
    if not rerouted:
        return f"Nobody's rule changes, but {users(len(found.effects))} would notice."
    others = len(found.effects) - rerouted
    also = f", and {others:,} other{'s' if others > 1 else ''} would notice" if others else ""
    return f"{users(rerouted)} would take turns differently{also}."


def _tiles(found: Preview) -> list[dict[str, str]]:
    """Return how many users' jobs start sooner, later, and about as before."""
    sooner = sum(effect.delay < 0 for effect in found.effects)
    later = sum(effect.delay > 0 for effect in found.effects)
    numbers = [
        (sooner, "whose jobs start sooner", "better"),
        (later, "whose jobs start later", "worse"),
        (found.owners - sooner - later, "about the same as before", ""),
    ]
    return [
        {"number": f"{n:,}", "text": f"{'user' if n == 1 else 'users'} {text}", "tone": tone if n else ""}
        for n, text, tone in numbers
    ]


def _end(found: Preview) -> str:
    """Return when the last of all waiting jobs starts, in a sentence. Empty: unknown."""
    before, after = found.ends
    if before is None or after is None:
        return ""
    if differ(before, after, NOTICEABLE_SECONDS):
        return f"The last of all waiting jobs starts {soon(after)} instead of {soon(before)}."
    return f"The last of all waiting jobs starts {soon(after)} either way: rules change the order, not the work."


def _idle(names: Sequence[str], more: bool) -> str:
    """Return the names of users who will notice only with their next jobs, in a sentence. Empty: nobody."""
    if not names:
        return ""
    have = "has" if len(names) == 1 and not more else "have"
    return f"{listed(names, more=more)} {have} no jobs now; the next ones would take turns differently, too."


def listed(names: Sequence[str], *, more: bool = False, first: int = 5) -> str:
    """Return names in a sentence: the `first` ones and how many others, e.g. "a, b, c, d, e and 2 others".

    A single other one is named. `more`: there are more than these names.
    """
    left = len(names) - first
    if left > 1 or more:
        return f"{', '.join(names[:first])} and {'more than ' if more else ''}{max(left, 1):,} others"
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
