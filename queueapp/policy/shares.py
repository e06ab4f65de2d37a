"""What flows were owed of the service that was given over a span, and how evenly they got it.

Owed: at every moment the service given then is divided, by weight, among the flows that had work, a job submitted
and not yet ended. No flow is owed more than it could have used: its cap, one processor for each of its jobs, and
the processor seconds that its jobs asked for and that it was not owed before. What one flow cannot use is divided
among the others, so what all are owed is exactly what all got.

Without that limit a flow whose one short job waited for a second would be owed a share of that whole second, and
would look starved though it got all that it asked for.

The span is cut into slices, and all this is done slice by slice: "at every moment" is true to one slice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from .fairness import jain_index

NOTHING = 1e-9
"""Seconds that are not worth dividing: what is left over where numbers are not exact."""


@dataclass(frozen=True)
class Work:
    """What one flow had to do and got done, in seconds, with a number for each slice.

    `got`: processor seconds that it was given; `active`: seconds in which it had work; `present`: the same, summed
    over its jobs; `asked`: processor seconds of the jobs that it submitted then (the first slice: or before).
    """

    weight: float
    cap: int | None
    got: Sequence[float]
    active: Sequence[float]
    present: Sequence[float]
    asked: Sequence[float]

    def most(self, at: int) -> float:
        """The processor seconds that it could have used in this slice, however much it asked for."""
        return self.present[at] if self.cap is None else min(self.present[at], self.cap * self.active[at])


def owed(works: Sequence[Work]) -> list[list[float]]:
    """The processor seconds that each flow was owed, in each slice."""
    left = [0.0] * len(works)
    found: list[list[float]] = [[] for _ in works]
    for at in range(len(works[0].got) if works else 0):
        left = [rest + work.asked[at] for rest, work in zip(left, works, strict=True)]
        service = sum(work.got[at] for work in works)
        claims = [work.weight * work.active[at] for work in works]
        limits = [max(min(rest, work.most(at)), 0.0) for rest, work in zip(left, works, strict=True)]
        given = divide(service, claims, limits)
        # The rest went to flows that were owed it before: it is owed now to those who got it then.
        if (late := service - sum(given)) > NOTHING:
            behind = divide(late, [max(rest - now, 0.0) for rest, now in zip(left, given, strict=True)])
            given = [now + more for now, more in zip(given, behind, strict=True)]
        for flow, now in enumerate(given):
            found[flow].append(now)
            left[flow] -= now
    return found


def divide(total: float, claims: Sequence[float], limits: Sequence[float] | None = None) -> list[float]:
    """The total in proportion to the claims, but to nobody more than their limit; what is beyond it goes to the others.

    What is left where all are at their limit, or nobody has a claim, is nobody's.
    """
    given = [0.0] * len(claims)
    most = limits if limits is not None else [total] * len(claims)
    rest, rest_of_claims = total, sum(claims)
    # Whoever reaches the limit with the least per claim reaches it first.
    for flow in sorted((f for f, claim in enumerate(claims) if claim > 0), key=lambda f: most[f] / claims[f]):
        given[flow] = min(rest * claims[flow] / rest_of_claims, most[flow]) if rest_of_claims > 0 else 0.0
        rest = max(rest - given[flow], 0.0)
        rest_of_claims -= claims[flow]
    return given


def evenness(flows: Iterable[tuple[float, float, int]]) -> float | None:
    """Jain's index of got / owed, from (got, owed, how many flows that is). None: nobody was owed anything."""
    ratios = [got / owed_ for got, owed_, many in flows if owed_ > 0 for _ in range(many)]
    return jain_index(ratios) if ratios else None


def quantile(counts: Mapping[float, int], fraction: float) -> float | None:
    """The least value that at least this fraction of what was counted does not exceed. None: nothing was counted."""
    wanted, seen = fraction * sum(counts.values()), 0
    for value in sorted(counts):
        seen += counts[value]
        if seen >= wanted:
            return value
    return None
