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

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from .fairness import jain_index

EPSILON = 1e-9
"""Seconds below which a remainder is a rounding error and is not divided."""


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

    def most(self, at: int) -> float:
        """Return the processor seconds that the flow could have used in this slice, however much it asked for."""
        return self.present[at] if self.cap is None else min(self.present[at], self.cap * self.active[at])


def owed(works: Sequence[Work]) -> list[list[float]]:
    """Return the processor seconds that each flow was owed: a list for each flow, a number for each slice."""
    left = [0.0] * len(works)
    found: list[list[float]] = [[] for _ in works]
    for at in range(len(works[0].got) if works else 0):
        left = [rest + work.asked[at] for rest, work in zip(left, works, strict=True)]
        service = sum(work.got[at] for work in works)
        claims = [work.weight * work.active[at] for work in works]
        limits = [max(min(rest, work.most(at)), 0.0) for rest, work in zip(left, works, strict=True)]
        given = divide(service, claims, limits)
        # The rest went to flows that had been owed it in an earlier slice. Other flows got it then, ahead of what they
        # were owed: they are owed it now.
        if (late := service - sum(given)) > EPSILON:
            behind = divide(late, [max(rest - now, 0.0) for rest, now in zip(left, given, strict=True)])
            given = [now + more for now, more in zip(given, behind, strict=True)]
        for flow, now in enumerate(given):
            found[flow].append(now)
            left[flow] -= now
    return found


def divide(total: float, claims: Sequence[float], limits: Sequence[float] | None = None) -> list[float]:
    """Divide the total in proportion to the claims. No claimant gets more than its limit; the rest goes to the others.

    If all are at their limits, or nobody has a claim, the rest goes to nobody.
    """
    given = [0.0] * len(claims)
    most = limits if limits is not None else [total] * len(claims)
    rest, rest_of_claims = total, sum(claims)
    # The smaller a limit is for its claim, the sooner it is reached.
    for flow in sorted((f for f, claim in enumerate(claims) if claim > 0), key=lambda f: most[f] / claims[f]):
        given[flow] = min(rest * claims[flow] / rest_of_claims, most[flow]) if rest_of_claims > 0 else 0.0
        rest = max(rest - given[flow], 0.0)
        rest_of_claims -= claims[flow]
    return given


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
