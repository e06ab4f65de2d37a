"""What a change of routes does to the owners whose jobs wait: the share they are owed, and when their jobs start."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from ..projection import Capped, Fleet, Standing, share_owed
from ..rules import Route
from .state import QueueState, Routes

NOTICEABLE_FRACTION = 0.01
"""The fraction by which a share or a wait has to change to be worth a word."""
NOTICEABLE_SECONDS = 0.05
"""Seconds that are not worth a word."""


@dataclass(frozen=True)
class Outlook:
    """What an owner can expect by one set of routes.

    `share`: the fraction of all processors that the owner's flow is owed; `company`: how many other owners have jobs
    in it; `first` and `last`: seconds until the first and the last of the owner's waiting jobs start, None where none
    waits or nobody works.
    """

    route: Route
    share: float
    company: int = 0
    first: float | None = None
    last: float | None = None


@dataclass(frozen=True)
class Effect:
    """What a change does to one owner."""

    owner: int
    before: Outlook
    after: Outlook

    @property
    def rerouted(self) -> bool:
        """Whether another rule decides for the owner, or gives something else."""
        return self.before.route != self.after.route

    @property
    def delay(self) -> float:
        """Seconds by which jobs start later, below 0 sooner: of the first and the last the one that changes more."""
        pairs = [(self.before.first, self.after.first), (self.before.last, self.after.last)]
        changes = [b - a for a, b in pairs if a is not None and b is not None and differ(a, b, NOTICEABLE_SECONDS)]
        return max(changes, key=abs, default=0.0)

    @property
    def noticeable(self) -> bool:
        """Whether anything changes that is worth a word."""
        return self.rerouted or self.delay != 0 or differ(self.before.share, self.after.share)


@dataclass(frozen=True)
class Preview:
    """What a change does: `owners`: how many have jobs; of these the ones whom it affects; and when the last of all
    waiting jobs starts before and after, None where none waits or nobody works."""

    owners: int
    effects: tuple[Effect, ...]
    ends: tuple[float | None, float | None]


def differ(before: float, after: float, least: float = 0.0) -> bool:
    """Whether a number changes by more than a hundredth and more than `least`."""
    return abs(after - before) > max(NOTICEABLE_FRACTION * max(abs(before), abs(after)), least)


def preview(present: QueueState, before: Routes, after: Routes) -> Preview:
    """Return the changes between two sets of routes of all owners with jobs, the largest change of a wait first."""
    was = outlooks(present, before)
    will = outlooks(present, after) if after != before else was
    found = (Effect(owner, was[owner], will[owner]) for owner in sorted(was))
    effects = sorted((effect for effect in found if effect.noticeable), key=_size, reverse=True)
    return Preview(len(was), tuple(effects), (_end(was), _end(will)))


def outlooks(present: QueueState, routes: Routes) -> dict[int, Outlook]:
    """What each owner with jobs can expect by these routes."""
    owners = set(present.owners.values()) | set(present.waiting)
    members = Counter(routes[owner].key for owner in owners)
    terms = {routes[owner].key: routes[owner].terms for owner in owners}
    fleet = Fleet(
        (0.0,) * present.processors,
        flows=len(terms),
        total_weight=sum(one.weight for one in terms.values()),
        capped=tuple(Capped(one, many) for one, many in Counter(terms.values()).items() if one.cap is not None),
    )
    first, last = starts(present, routes)
    found = {}
    for owner in owners:
        route = routes[owner]
        share = share_owed(Standing(route.terms), fleet)
        found[owner] = Outlook(route, share, members[route.key] - 1, first.get(owner), last.get(owner))
    return found


def starts(present: QueueState, routes: Routes) -> tuple[dict[int, float], dict[int, float]]:
    """Seconds until the first and the last waiting job of each owner start."""
    first: dict[int, float] = {}
    last: dict[int, float] = {}
    if not present.timed or not present.processors:
        return first, last
    running = present.running
    for run in present.simulation(routes).run():
        if run.index not in running:
            owner = present.owners[run.index]
            late = run.ended - (run.ended - run.started) / present.samples.get(run.index, 1.0)
            first[owner] = min(first.get(owner, run.started), run.started)
            last[owner] = max(last.get(owner, late), late)
    return first, last


def _size(effect: Effect) -> tuple[float, float]:
    return abs(effect.delay), abs(effect.after.share - effect.before.share)


def _end(found: Mapping[int, Outlook]) -> float | None:
    return max((outlook.last for outlook in found.values() if outlook.last is not None), default=None)
