"""Numbers over time as paths of an SVG picture of WIDE by HIGH, which pages stretch."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, count, pairwise

WIDE, HIGH = 600, 100

Values = Sequence[float]


def area(top: Values, highest: float, bottom: Values | None = None) -> str:
    """Return the path of the area between two step lines, with one step for each number. No `bottom`: down to 0."""
    there = _steps(top, highest)
    back = reversed(_steps(bottom if bottom is not None else [0.0] * len(top), highest))
    return "M" + "L".join([*there, *back]) + "Z" if top else ""


def line(values: Sequence[float | None], highest: float) -> str:
    """Return the path of a step line. It is broken where there is no number."""
    points = _steps([value or 0.0 for value in values], highest)
    path, pen = "", "M"
    for at, value in enumerate(values):
        if value is not None:
            path += f"{pen}{points[2 * at]}L{points[2 * at + 1]}"
        pen = "M" if value is None else "L"
    return path


def stacked(layers: Sequence[Values], highest: float) -> list[str]:
    """Return one area for each layer, each on top of those before it."""
    heights = list(accumulate(layers, sums, initial=[0.0] * len(layers[0]))) if layers else []
    return [area(top, highest, bottom) for bottom, top in pairwise(heights)]


def round_up(value: float) -> float:
    """Return the next round number for an axis: 1, 2, 4, 5, 6 or 8 times a power of ten, at least 0.001."""
    steps = (step * 10.0**power / 1000 for power in count() for step in (1, 2, 4, 5, 6, 8))
    # Four processors that never idle may add up to slightly more than 4.
    return next(step for step in steps if step >= value * 0.9999)


def sums(a: Values, b: Values) -> list[float]:
    return [x + y for x, y in zip(a, b, strict=True)]


def _steps(values: Values, highest: float) -> list[str]:
    width = WIDE / max(len(values), 1)
    xs = [f"{at * width:.4g}" for at in range(len(values) + 1)]
    ys = [f"{HIGH * (1 - min(value / highest, 1.0)) if highest > 0 else HIGH:.4g}" for value in values]
    return [f"{x} {y}" for (left, right), y in zip(pairwise(xs), ys, strict=True) for x in (left, right)]
