"""The service that each flow was owed over a span, and how evenly flows got theirs.

At every moment the service given is divided, by weight, among the flows that have work: a job that is due and has not
ended. No flow is owed more than it can use. The limits are its cap, one processor for each of its jobs, and the
processor seconds that its jobs asked for, less those it was owed before. The rest is divided among the other flows.
So all flows together are owed exactly what they got.

Without the limits a flow with one short job that waited for a second would be owed a share of that whole second. It
would look starved, although it got all that it asked for.

The computation goes slice by slice, so "at every moment" is exact to one slice.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import add, sub

from .fairness import jain_index

EPSILON = 1e-6
"""Seconds below which a remainder is a rounding error: it is not divided, and is no claim."""


@dataclass(frozen=True)
class Work:
    """The work and the service of one flow, in seconds, with a number for each slice.

    `got`: processor seconds that it was given. `active`: seconds in which it had work. `present`: the same, summed
    over its jobs. `asked`: processor seconds of the jobs that fell due in the slice (in the first one: or before it).
    """

    weight: float
    cap: int | None
    got: Sequence[float]
    active: Sequence[float]
    present: Sequence[float]
    asked: Sequence[float]

    @property
    def most(self) -> Sequence[float]:
        """Return the processor seconds that the flow could have used in each slice, however much it asked for."""
        if self.cap is None:
            return self.present
        return [min(present, self.cap * active) for present, active in zip(self.present, self.active, strict=True)]

    @property
    def claims(self) -> Sequence[float]:
        """Return its claim in each slice: its weight, as long as it had work."""
        return [self.weight * active for active in self.active]


def owed(works: Sequence[Work]) -> list[list[float]]:
    """Return the processor seconds that each flow was owed: a list for each flow, a number for each slice."""
    left = [0.0] * len(works)
    found = []
    by_slice = (
        zip(*rows, strict=True) for rows in zip(*((w.got, w.claims, w.most, w.asked) for w in works), strict=True)
    )
    for got, claims, most, asked in zip(*by_slice, strict=True):
        left = list(map(add, left, asked))
        service = sum(got)
        # max(min(rest, could_use), 0), in half of the time
        limits = [use if use < rest else rest if rest > 0 else 0.0 for rest, use in zip(left, most, strict=True)]
        given = divide(service, claims, limits)
        # The rest went to flows that had been owed it in an earlier slice. Other flows got it then, ahead of what they
        # were owed: they are owed it now.
        if (late := service - sum(given)) > EPSILON:
            behind = divide(late, _remainders(left, given))
            given = list(map(add, given, behind))
        left = list(map(sub, left, given))
        found.append(given)
    return [list(row) for row in zip(*found, strict=True)] if found else [[] for _ in works]


def _remainders(left: Sequence[float], given: Sequence[float]) -> list[float]:
    return [rest - now if rest - now > EPSILON else 0.0 for rest, now in zip(left, given, strict=True)]


def divide(total: float, claims: Sequence[float], limits: Sequence[float] | None = None) -> list[float]:
    """Divide the total in proportion to the claims. No claimant gets more than its limit; the rest goes to the others.

    If all are at their limits, or nobody has a claim, the rest goes to nobody.
    """
    most = limits if limits is not None else [total] * len(claims)
    level = _level(total, [(claim, limit) for claim, limit in zip(claims, most, strict=True) if claim > 0])
    # min(level * claim, limit), in half of the time
    return [
        (part if (part := level * claim) < limit else limit) if claim > 0 else 0.0
        for claim, limit in zip(claims, most, strict=True)
    ]


def _level(rest: float, claimants: list[tuple[float, float]]) -> float:
    """Return what each unit of a claim is given, unless the limit comes first. `claimants`: claims and limits."""
    # With each claimant that is at its limit, there is more for the others: the level only rises.
    while claimants:
        level = max(rest, 0.0) / sum(claim for claim, _ in claimants)
        below = [(claim, limit) for claim, limit in claimants if limit > level * claim]
        if len(below) == len(claimants):
            return level
        rest -= sum(limit for claim, limit in claimants if limit <= level * claim)
        claimants = below
    return math.inf


def evenness(flows: Iterable[tuple[float, float, int]]) -> float | None:
    """Return Jain's index of got / owed, from (got, owed, number of flows). None if nobody was owed anything."""
    ratios = [got / owed_ for got, owed_, many in flows if owed_ > 0 for _ in range(many)]
    return jain_index(ratios) if ratios else None


def quantile(counts: Mapping[float, int], fraction: float) -> float | None:
    """Return the least value that at least this fraction of the items does not exceed. None if there are none.

    `counts`: the number of items with each value.
    """
    wanted, seen = fraction * sum(counts.values()), 0
    for value in sorted(counts):
        seen += counts[value]
        if seen >= wanted:
            return value
    return None
