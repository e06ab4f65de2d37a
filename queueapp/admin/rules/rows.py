"""The words and rows of a preview: the effects of a change of rules, user by user."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.urls import reverse

from queueapp.models import Owner
from queueapp.policy.preview.effects import NOTICEABLE_SECONDS, Effect, Outlook, differ
from queueapp.policy.rules import Route

from ..formatting import EMPTY_VALUE, seconds

MAX_ROWS = 50
"""Rows of a table, at most."""
IMMEDIATE_SECONDS = 0.5
"""Seconds. A shorter wait is shown as "at once"."""

_SPACE = "\N{NO-BREAK SPACE}"
Names = Mapping[int, str]
"""The name of each rule, by its id."""


@dataclass(frozen=True)
class Cell:
    """A value before and after, each with a note. `after` is empty if nothing changes."""

    before: str
    after: str = ""
    title: str = ""
    before_note: str = ""
    after_note: str = ""
    verdict: str = ""
    tone: str = ""


@dataclass(frozen=True)
class Row:
    """One owner: name and page, how many jobs wait, and what changes."""

    owner: str
    page: str
    waiting: str
    turns: Cell
    share: Cell
    first: Cell
    last: Cell


def rows(
    effects: Sequence[Effect],
    waiting: Mapping[int, int],
    names: tuple[Names, Names],
    *,
    rough: bool,
    linked: bool,
) -> list[Row]:
    """Return the first effects (MAX_ROWS) as rows. One query."""
    shown = effects[:MAX_ROWS]
    owners = Owner.objects.select_related("user").in_bulk([effect.owner for effect in shown])
    return [
        Row(
            owner=owners[effect.owner].name if effect.owner in owners else EMPTY_VALUE,
            page=reverse("admin:queueapp_owner_change", args=[effect.owner]) if linked else "",
            waiting=jobs(waiting.get(effect.owner, 0)),
            turns=_turns(effect, names),
            share=_share(effect.before, effect.after),
            first=_start(effect.before.first, effect.after.first),
            last=_start(effect.before.last, effect.after.last, rough=rough),
        )
        for effect in shown
    ]


def jobs(number: int) -> str:
    """Return how many jobs wait, in words."""
    if number == 0:
        return "no job waits"
    return "1 job waits" if number == 1 else f"{number:,} jobs wait"


def users(number: int) -> str:
    """Return a number of users, in words."""
    return "1 user" if number == 1 else f"{number:,} users"


def soon(length: float | None, *, rough: bool = False) -> str:
    """Return when a job starts: "at once", "in 4.2 s", "in about 3 min 20 s"."""
    if length is None:
        return EMPTY_VALUE
    if length < IMMEDIATE_SECONDS:
        return "at once"
    return f"in{_SPACE}about{_SPACE}{_length(length)}" if rough else f"in{_SPACE}{_length(length)}"


def _length(length: float) -> str:
    """Return a duration: below 10 s in tenths of a second, else in whole ones."""
    return seconds(round(length, 1) if length < 10 else float(round(length)))


def percent(share: float) -> str:
    """Return a share as a percentage with two significant digits."""
    hundredths = share * 100
    if hundredths < 0.005:
        return f"under{_SPACE}0.01{_SPACE}%"
    digits = 0 if hundredths >= 9.95 else 1 if hundredths >= 0.995 else 2
    return f"{hundredths:.{digits}f}".removesuffix(".0") + f"{_SPACE}%"


def _start(before: float | None, after: float | None, *, rough: bool = False) -> Cell:
    was, will = soon(before, rough=rough), soon(after, rough=rough)
    if before is None or after is None or was == will or not differ(before, after, NOTICEABLE_SECONDS):
        return Cell(was)
    later = after > before
    verdict = f"{_length(abs(after - before))} {'later' if later else 'sooner'}"
    return Cell(was, will, verdict=verdict, tone="worse" if later else "better")


def _share(before: Outlook, after: Outlook) -> Cell:
    was, will = percent(before.share), percent(after.share)
    notes = _company(before), _company(after)
    if was == will and notes[0] == notes[1]:
        return Cell(was, before_note=notes[0])
    # The share of a flow that others wait in, too, says little about one of them.
    more = after.share > before.share
    tone = "" if before.company or after.company or was == will else "better" if more else "worse"
    return Cell(was, will, before_note=notes[0], after_note=notes[1], tone=tone)


def _company(outlook: Outlook) -> str:
    """Return how many others the share is shared with. Empty: none."""
    if not outlook.company:
        return ""
    return "shared with 1 other" if outlook.company == 1 else f"shared with {outlook.company:,} others"


def _turns(effect: Effect, names: tuple[Names, Names]) -> Cell:
    before, after = effect.before.route, effect.after.route
    was, will = _rule(before, names[0]), _rule(after, names[1])
    if was == will and _terms(before) != _terms(after):
        return Cell(_terms(before), _terms(after), title=was)
    return Cell(was, will, before_note=_terms(before), after_note=_terms(after))


def _rule(route: Route, names: Names) -> str:
    return "no rule" if route.rule is None else names.get(route.rule, EMPTY_VALUE)


def _terms(route: Route) -> str:
    """Return what the rule gives, in words."""
    terms = [f"weight{_SPACE}{route.terms.weight:g}"] if route.rule is not None else []
    if route.owner is None:
        terms.append("in one line")
    if route.terms.cap is not None:
        terms.append(f"at most {route.terms.cap} at once")
    return ", ".join(terms)
