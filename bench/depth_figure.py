"""The figure of bench.depth, an SVG that follows the reader's colour scheme.

It shows turns per second over depth, and over time with and without an open transaction.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from bench.panels import Line, Point, drawing, panel

COLOURS = ("few", "many", "third")
THIRD = ".third { stroke: #2f855a } .open { stroke-dasharray: 5 3 } "


def figure(figures: Mapping[str, Any], slice_seconds: float) -> str:
    """Return an SVG with two panels. `figures`: as in bench/results/depth.json."""
    over_depth, over_time = _over_depth(figures["depth"]), _over_time(figures, slice_seconds)
    most = max(rate for _, _, points in [*over_depth, *over_time] for _, rate in points) * 1.1
    depths = {f"{10**power:,}": math.log10(10**power) for power in range(3, 7)}
    longest = max(at for _, _, points in over_time for at, _ in points)
    seconds = {f"{number}": float(number) for number in range(10, int(longest) + 1, 10)}
    panels = [
        panel("Turns a second over the jobs that wait", over_depth, depths, (3.0, 6.5), most, (0, 0), step=1_000),
        panel(
            "Over seconds; dashed: beside an open transaction",
            over_time,
            seconds,
            (0.0, longest),
            most,
            (1, 0),
            step=1_000,
        ),
    ]
    return drawing("Turns a second over depth and over time", panels, (2, 1), THIRD)


def _over_depth(rates: Mapping[str, Sequence[float]]) -> list[Line]:
    """Return a line for each number of flows: the medians at each depth."""
    lines: dict[int, list[Point]] = {}
    for case, its in rates.items():
        depth, flows = (int(number) for number in case.split(" in "))
        lines.setdefault(flows, []).append((math.log10(depth), statistics.median(its)))
    return [(COLOURS[n], _flows(flows), sorted(points)) for n, (flows, points) in enumerate(sorted(lines.items()))]


def _over_time(figures: Mapping[str, Any], slice_seconds: float) -> list[Line]:
    """Return a line for each long run: the rate of each slice, at its end."""
    lines: list[Line] = []
    for what, rates in figures.items():
        if what.startswith("long, "):
            flows = int(what.split()[1])
            colour = COLOURS[0 if flows == 1 else 1] + (" open" if "open" in what else "")
            points = [((number + 1) * slice_seconds, rate) for number, rate in enumerate(rates)]
            lines.append((colour, "" if "open" in what else _flows(flows), points))
    return lines


def _flows(many: int) -> str:
    return "1 flow" if many == 1 else f"{many:,} flows"
