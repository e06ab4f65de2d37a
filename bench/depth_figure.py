"""The figure of bench.depth, an SVG that follows the reader's colour scheme.

It shows turns per second over depth, and over time with and without an open transaction.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from bench.fairness.plot import STYLE

WIDE, HIGH, LEFT, TOP, GAP = 360.0, 190.0, 56.0, 62.0, 84.0
COLOURS = ("few", "many", "third")
THIRD = ".third { stroke: #2f855a } .open { stroke-dasharray: 5 3 } "
Point = tuple[float, float]
Line = tuple[str, str, Sequence[Point]]


def figure(figures: Mapping[str, Any], slice_seconds: float) -> str:
    """Return an SVG with two panels. `figures`: as in bench/results/depth.json."""
    over_depth, over_time = _over_depth(figures["depth"]), _over_time(figures, slice_seconds)
    most = max(rate for _, _, points in [*over_depth, *over_time] for _, rate in points) * 1.1
    depths = {f"{10**power:,}": math.log10(10**power) for power in range(3, 7)}
    longest = max(at for _, _, points in over_time for at, _ in points)
    seconds = {f"{number}": float(number) for number in range(10, int(longest) + 1, 10)}
    panels = [
        _panel("Turns a second over the jobs that wait", over_depth, depths, (3.0, 6.5), most, 0),
        _panel("Over seconds; dashed: beside an open transaction", over_time, seconds, (0.0, longest), most, 1),
    ]
    width = LEFT + 2 * WIDE + GAP + 12
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {TOP + HIGH + 34:.0f}" role="img" '
        f'aria-label="Turns a second over depth and over time"><style>{STYLE}{THIRD}</style>\n'
        f'<rect class="paper" width="100%" height="100%"/>\n{"".join(panels)}</svg>\n'
    )


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


def _panel(
    title: str, lines: Sequence[Line], ticks: Mapping[str, float], span: tuple[float, float], most: float, place: int
) -> str:
    """Return a panel: axes, lines and their legend."""

    def x(value: float) -> str:
        return f"{WIDE * (value - span[0]) / (span[1] - span[0]):.1f}"

    def y(rate: float) -> str:
        return f"{HIGH * (1 - rate / most):.1f}"

    parts = [f'<text class="title" x="0" y="-38">{title}</text>']
    for name, tick in ticks.items():
        parts.append(f'<path class="grid" d="M{x(tick)} 0V{HIGH}"/>')
        parts.append(f'<text class="small mid" x="{x(tick)}" y="{HIGH + 14}">{name}</text>')
    for rate in range(0, int(most), 1_000):
        parts.append(f'<path class="grid" d="M0 {y(rate)}H{WIDE}"/>')
        parts.append(f'<text class="small end" x="-6" y="{y(rate)}">{rate:,}</text>')
    named = [name for _, name, _ in lines if name]
    for colour, name, points in lines:
        parts.append(f'<path class="{colour}" d="M{"L".join(f"{x(at)} {y(rate)}" for at, rate in points)}"/>')
        if name:
            left = 120 * named.index(name)
            parts.append(f'<path class="{colour}" d="M{left} -16h22"/><text x="{left + 28}" y="-12">{name}</text>')
    parts.append(f'<rect class="frame" width="{WIDE:g}" height="{HIGH:g}"/>')
    return f'<g transform="translate({LEFT + place * (WIDE + GAP):.0f} {TOP:.0f})">{"".join(parts)}</g>\n'
