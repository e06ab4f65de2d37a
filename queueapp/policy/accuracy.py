"""How exact predicted starts are, by what came of earlier predictions: the range in which a start should fall.

Nobody can know who submits next, so a start is often later than predicted, and the further off the more. How much, is
learned: predictions are kept by how far ahead they looked, with the factor by which the real wait was longer. Ranges
that held too seldom, or too often, become wider, or narrower: I. Gibbs, E. Candès, Adaptive conformal inference under
distribution shift, NeurIPS 2021.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

KEPT = 200
"""Predictions that are kept of each distance: 1 to 2 s, 2 to 4 s, and so on."""
FEWEST = 20
"""Predictions of a distance from which a range is made."""
COVERAGE = 0.8
"""The part of all starts that should fall into their ranges."""
STEP = 0.01
"""How fast ranges become wider or narrower."""
MAX_OPEN = 1_000
"""Maximum number of predictions whose jobs have not started."""


class Factors(NamedTuple):
    """For predictions of so many `seconds` and more: the factors of the earliest and the latest start."""

    seconds: float
    earliest: float
    latest: float


@dataclass(frozen=True)
class _Prediction:
    at: float
    seconds: float
    factors: Factors | None


class Accuracy:
    """Predictions and what came of them. Moments are seconds on any clock."""

    def __init__(self) -> None:
        self._open: dict[int, _Prediction] = {}
        self._found: dict[int, deque[float]] = {}
        self._held: deque[bool] = deque(maxlen=KEPT)
        self._outside = (1 - COVERAGE) / 2
        """The part of the known factors that is left out on either side of a range."""

    @property
    def open(self) -> list[int]:
        """The jobs whose predictions have not come true yet."""
        return list(self._open)

    @property
    def held(self) -> float | None:
        """How many of the last ranges held, from 0 to 1. None: too few to tell."""
        return sum(self._held) / len(self._held) if len(self._held) >= FEWEST else None

    def predict(self, job: int, now: float, seconds: float) -> None:
        """Note that a job was predicted to start so many seconds from now. Its first prediction counts."""
        if seconds >= 1.0 and job not in self._open and len(self._open) < MAX_OPEN:
            self._open[job] = _Prediction(now, seconds, self.factors(seconds))

    def started(self, job: int, at: float) -> None:
        """Take into account when a job really started."""
        prediction = self._open.pop(job)
        factor = max(at - prediction.at, 0.0) / prediction.seconds
        self._found.setdefault(_distance(prediction.seconds), deque(maxlen=KEPT)).append(factor)
        if prediction.factors is not None:
            held = prediction.factors.earliest <= factor <= prediction.factors.latest
            self._held.append(held)
            self._outside = min(max(self._outside + STEP * (held - COVERAGE), 0.0), 0.25)

    def forget(self, job: int) -> None:
        """Forget a prediction: the job will not start."""
        self._open.pop(job, None)

    def ranges(self) -> list[Factors]:
        """Return the factors of all distances of which enough is known, the nearest first."""
        return [
            Factors(2.0**distance, *_middle(found, self._outside))
            for distance, found in sorted(self._found.items())
            if len(found) >= FEWEST
        ]

    def factors(self, seconds: float) -> Factors | None:
        """Return the factors for a prediction: those of the largest distance up to it. None: too little is known."""
        return max((one for one in self.ranges() if one.seconds <= seconds), default=None)


def _distance(seconds: float) -> int:
    return int(math.log2(seconds))


def _middle(found: deque[float], outside: float) -> tuple[float, float]:
    """Return the bounds of the factors without this part of them on either side."""
    ordered = sorted(found)
    left_out = int(len(ordered) * outside)
    return ordered[left_out], ordered[-1 - left_out]
