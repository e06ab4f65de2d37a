"""Predicted starts of waiting jobs, and the share that a flow is owed, from the present state.

A job's *tag* is the virtual time at which its turn comes: that of its flow, plus the cost of the jobs before it divided
by the weight. Jobs start in the order of their tags. The projection gives the next jobs, in that order, to the
processor that is free first. It cannot know who submits next.
"""

from __future__ import annotations

import heapq
import random
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from .rules import DEFAULT_TERMS, Terms
from .shares import divide

Next = tuple[float, int, float]
"""One of the next jobs: its tag, its place in the order of submission, its expected processor seconds."""


CURVE_POINTS = 24


class Capped(NamedTuple):
    """The number of flows that have these terms, with a cap."""

    terms: Terms
    many: int


@dataclass(frozen=True)
class Fleet:
    """All processors that take turns, and the flows that have queued or running jobs.

    `remaining`: for each processor, the seconds until it should be free, 0 if it is idle. `flows` and `total_weight`:
    the number of these flows, and the sum of their weights. `capped`: those of them that have a cap.
    """

    remaining: tuple[float, ...] = ()
    flows: int = 0
    total_weight: float = 0.0
    capped: tuple[Capped, ...] = ()

    @property
    def processors(self) -> int:
        """The number of processors."""
        return len(self.remaining)

    @property
    def busy(self) -> int:
        """The number of processors at work."""
        return sum(seconds > 0 for seconds in self.remaining)


@dataclass(frozen=True)
class Standing:
    """One flow in the order. `active`: whether Fleet.flows counts it."""

    terms: Terms = DEFAULT_TERMS
    vtime: float = 0.0
    active: bool = True

    def tag(self, ahead: float) -> float:
        """Return the tag of a job with `ahead` expected processor seconds before it in this flow."""
        return self.vtime + ahead / self.terms.weight


def seconds_left(expected: float, elapsed: float) -> float:
    """Return the seconds until a running job should end, above 0. One that is late by x should take another x.

    The longer a job has run beyond what was expected, the longer it goes on: A. Downey, Predicting queue times on
    space-sharing parallel computers, IPPS 1997.
    """
    return max(abs(expected - elapsed), 0.001)


def others_and_own(flow: Standing, fleet: Fleet) -> tuple[int, float]:
    """Return the number of flows that take turns and their total weight. This flow counts even if it is not active."""
    if flow.active:
        return max(fleet.flows, 1), max(fleet.total_weight, flow.terms.weight)
    return fleet.flows + 1, fleet.total_weight + flow.terms.weight


def share_owed(flow: Standing, fleet: Fleet) -> float:
    """Return the fraction of all processors, from 0 to 1, that the flow is owed while it has a backlog.

    The processors are divided by weight. No flow gets more than its cap; the rest is divided among the others.
    """
    total, weight = others_and_own(flow, fleet)[1], flow.terms.weight
    if not fleet.processors:
        return weight / total
    many = {one.terms: one.many for one in fleet.capped}
    if flow.terms.cap is not None:
        many[flow.terms] = max(many.get(flow.terms, 0) + (not flow.active), 1)
    uncapped = max(total - sum(terms.weight * number for terms, number in many.items()), 0.0)
    claims = [terms.weight * number for terms, number in many.items()]
    limits = [float((terms.cap or 0) * number) for terms, number in many.items()]
    if flow.terms.cap is None:
        uncapped = max(uncapped, weight)  # against rounding errors
    given = divide(fleet.processors, [uncapped, *claims], [fleet.processors, *limits])
    if flow.terms.cap is None:
        own = given[0] * weight / uncapped
    else:
        own = given[1 + list(many).index(flow.terms)] / many[flow.terms]
    return own / fleet.processors


class Curve(NamedTuple):
    """Predicted starts of all jobs by their tags, in few numbers: between two points they are interpolated.

    `points`: pairs of a tag and the seconds until its job starts, in order; at most CURVE_POINTS. `pace`: seconds for
    each unit of virtual time beyond the last point. A flow with a cap may start later.
    """

    points: tuple[tuple[float, float], ...]
    pace: float


class Projection:
    """Predicted starts of jobs, if nobody submits any more.

    `upcoming`: the next jobs in the order of (tag, place), complete up to the last of them. Later starts are
    extrapolated: from there on, each flow gets exactly the share that it is owed.
    """

    def __init__(self, fleet: Fleet, upcoming: Sequence[Next]) -> None:
        self._fleet = fleet
        self._order = [(tag, place) for tag, place, _ in upcoming]
        self._starts: list[float] = []
        free = list(fleet.remaining)
        heapq.heapify(free)
        for _, _, expected in upcoming if free else ():
            self._starts.append(free[0])
            heapq.heapreplace(free, free[0] + expected)
        self._after = free[0] if free else 0.0

    def seconds_until_start(self, flow: Standing, place: int, ahead: float) -> float | None:
        """Return the seconds until a job starts that has `ahead` processor seconds before it in its flow.

        None if there are no processors.
        """
        if not self._fleet.processors:
            return None
        tag = flow.tag(ahead)
        index = bisect_left(self._order, (tag, place))
        if index < len(self._starts):
            start = self._starts[index]
        else:
            beyond = max(tag - self._order[-1][0], 0.0) if self._order else ahead / flow.terms.weight
            start = self._after + beyond * flow.terms.weight / (share_owed(flow, self._fleet) * self._fleet.processors)
        return start if flow.terms.cap is None else max(start, ahead / flow.terms.cap)

    def number_before(self, flow: Standing, place: int, ahead: float) -> int | None:
        """Return how many jobs start before that one, if nobody submits any more. None: more than are looked at."""
        index = bisect_left(self._order, (flow.tag(ahead), place))
        return index if index < len(self._order) else None

    def sample(self, chooser: random.Random, many: int) -> list[tuple[int, float]]:
        """Return so many of the next jobs at random, or all: their places, and the seconds until they start."""
        chosen = chooser.sample(range(len(self._starts)), min(many, len(self._starts)))
        return [(self._order[index][1], self._starts[index]) for index in chosen]

    def curve(self) -> Curve | None:
        """Return the predicted starts of jobs whose flow has no cap. None if there are no processors."""
        if not self._fleet.processors:
            return None
        owed = share_owed(Standing(), self._fleet) * self._fleet.processors
        last = len(self._starts) - 1
        chosen = sorted({last * step // (CURVE_POINTS - 1) for step in range(CURVE_POINTS)}) if last >= 0 else []
        return Curve(tuple((self._order[i][0], self._starts[i]) for i in chosen), 1.0 / owed if owed else 0.0)
