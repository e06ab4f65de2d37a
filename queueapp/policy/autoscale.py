"""How many processors there should be: enough to start jobs within a promised wait, and no more for long.

Up at once, down to the most that was needed in a window. So a short lull ends no processor that is needed again soon.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

START_SECONDS = 0.5
"""Seconds until a processor that is wished for takes its first turn."""
DECIDE_SECONDS = 1.0
"""Seconds between two decisions."""
RECENT_SECONDS = 30.0
"""Seconds over which arrivals are averaged."""
RESERVE = 0.18
"""The reserve, in square roots of the processors that are needed on average."""
TOLERANCE = 0.1
"""The fleet does not shrink by less than this fraction, nor by less than one processor."""


@dataclass(frozen=True)
class Bounds:
    """The least and the greatest number of processors."""

    minimum: int
    maximum: int

    def clamp(self, number: float) -> int:
        """Return the whole number within the bounds that is enough for `number` processors."""
        return min(max(math.ceil(number), self.minimum), self.maximum)


@dataclass(frozen=True)
class Demand:
    """What there was to do at one moment.

    `at`: seconds on any clock. Of the jobs that may start: `queued`, their expected processor seconds; `due`, the
    processors that start them in time, in parts, at most one for each job; `jobs`, their number. All three are counted
    with caps: a flow's cap bounds what its backlog may demand. `running`: processors that running jobs will need for
    the promised wait from now on, in parts. `busy`: processors at work.
    """

    at: float
    queued: float
    due: float
    jobs: int
    running: float
    busy: int


def horizon(target_wait: float) -> float:
    """Return the seconds that are left for a job's wait, once a decision was made and a processor has started."""
    return max(target_wait - START_SECONDS - DECIDE_SECONDS, START_SECONDS)


@dataclass(frozen=True)
class Decision:
    """The number of processors that there should be, and why, in words."""

    wished: int
    reason: str


def needed(recent: Sequence[Demand]) -> float:
    """Return the processors that keep the promise: jobs start within the target wait.

    `recent`: demands of the last seconds, the newest last. That is what is due now; or the work that came in per
    second, if that is more, but no more processors than there are jobs. A reserve in proportion to its square root is
    for arrivals in clumps.
    """
    now = recent[-1]
    base = max(now.running + now.due, min(_offered(recent), now.busy + now.jobs))
    return base + RESERVE * math.sqrt(base)


def _offered(recent: Sequence[Demand]) -> float:
    """Return the processor seconds that came in per second: those that were worked, and the growth of the backlog."""
    span = recent[-1].at - recent[0].at
    if span <= 0:
        return 0.0
    worked = sum(demand.busy for demand in recent) / len(recent)
    return max(worked + (recent[-1].queued - recent[0].queued) / span, 0.0)


def decide(wished: int, now: float, before: Iterable[float], bounds: Bounds) -> Decision:
    """Return the number of processors from now on.

    `wished`: the present number. `now`: what is needed now; `before`: what was needed at the moments of the window.
    """
    if bounds.clamp(now) > wished:
        why = f"{now:.1f} are needed now" if now > wished else f"the minimum is {bounds.minimum}"
        return Decision(bounds.clamp(now), why)
    most = max([now, *before])
    fewer = wished - bounds.clamp(most)
    if wished > bounds.maximum:
        return Decision(bounds.clamp(most), f"the maximum is {bounds.maximum}")
    if fewer >= max(TOLERANCE * wished, 1):
        return Decision(bounds.clamp(most), f"at most {most:.1f} were needed lately")
    return Decision(wished, "")


class History:
    """The demands of the last RECENT_SECONDS, and what was needed at the moments of a window."""

    def __init__(self) -> None:
        self._recent: deque[Demand] = deque()
        self._needed: deque[tuple[float, float]] = deque()

    def clear(self) -> None:
        """Forget all: the next decision knows only its own moment."""
        self._recent.clear()
        self._needed.clear()

    def decide(self, wished: int, demand: Demand, window: float, bounds: Bounds) -> Decision:
        """Return the number of processors from now on, as decide() does. `window`: in seconds."""
        self._recent.append(demand)
        while self._recent[0].at < demand.at - RECENT_SECONDS:
            self._recent.popleft()
        self._needed.append((demand.at, needed(self._recent)))
        while self._needed[0][0] < demand.at - window:
            self._needed.popleft()
        if bounds.minimum == bounds.maximum:
            return Decision(bounds.maximum, "the number is fixed")
        *before, now = [number for _, number in self._needed]
        return decide(wished, now, before, bounds)


def deal(wished: int, clusters: Sequence[Bounds]) -> list[int]:
    """Return each cluster's part of `wished` processors: its minimum if that fits, the rest by capacity."""
    low = [bounds.minimum for bounds in clusters]
    if sum(low) > wished:
        low = [0] * len(clusters)
    room = [bounds.maximum - part for bounds, part in zip(clusters, low, strict=True)]
    rest = min(wished - sum(low), sum(room))
    if rest <= 0:
        return low
    exact = [rest * free / sum(room) for free in room]
    parts = [part + int(share) for part, share in zip(low, exact, strict=True)]
    # Largest remainders first; ties by place, so that the parts are the same every time.
    order = sorted(range(len(exact)), key=lambda place: (int(exact[place]) - exact[place], place))
    for place in order[: rest - sum(int(share) for share in exact)]:
        parts[place] += 1
    return parts
