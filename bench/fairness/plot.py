"""The figure: cumulated service per user over time, a panel per system. The SVG follows the reader's colour scheme."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from bench.fairness.measures import Curves, service_curves
from bench.fairness.report import Run

COLUMNS = 3
WIDE, HIGH, LEFT, GAP, HEAD = 270.0, 130.0, 34.0, 40.0, 62.0
POINTS = 140
STYLE = """
text { font: 12px system-ui, sans-serif; fill: #1f2933 } .small { font-size: 10.5px; fill: #52606d }
.title { font-weight: 600; font-size: 13px } .end { text-anchor: end } .mid { text-anchor: middle }
.paper { fill: #ffffff } .frame { fill: none; stroke: #cbd2d9 } .grid { stroke: #e4e7eb }
path { fill: none; stroke-width: 1.3; stroke-linejoin: round } .many { stroke: #c2410c; stroke-width: 2 }
.few { stroke: #1d6fb8; stroke-opacity: .8 }
@media (prefers-color-scheme: dark) {
text { fill: #e4e7eb } .small { fill: #9aa5b1 } .paper { fill: #14181d } .frame { stroke: #3e4c59 }
.grid { stroke: #29323c } .many { stroke: #fb923c } .few { stroke: #6cb8f6 } }
"""
LEGENDS = {"heavy": ("the heavy user", "nine light users, a line each"), "weighted": ("weight 3", "weight 1")}


@dataclass(frozen=True)
class Scale:
    """The axes that the panels of one load share. `log`: time is logarithmic, for waits that differ tenfold."""

    begin: float
    until: float
    most: float
    log: bool

    def x(self, moment: float) -> float:
        """Return the coordinate of a moment in a panel."""
        if self.log:
            return WIDE * math.log(max(moment, self.begin) / self.begin) / math.log(self.until / self.begin)
        return WIDE * moment / self.until

    def y(self, service: float) -> float:
        """Return the coordinate of an amount of service in a panel."""
        return HIGH * (1 - service / self.most)

    def moments(self) -> list[float]:
        """Return moments that are evenly spread over the width."""
        steps = [step / POINTS for step in range(POINTS + 1)]
        if self.log:
            return [self.begin * (self.until / self.begin) ** step for step in steps]
        return [self.until * step for step in steps]

    def ticks(self) -> list[float]:
        """Return the moments to label."""
        if self.log:
            return [tick for tick in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100) if self.begin < tick < self.until]
        step = next(step for step in (0.5, 1, 2, 5, 10, 20, 50) if self.until / step < 7)
        return [step * number for number in range(1, int(self.until / step) + 1)]


def figure(runs: Sequence[Run]) -> str:
    """Return the SVG of these runs, one for each load and system."""
    body, y = [], 24.0
    for key in dict.fromkeys(run.load.key for run in runs):
        of_load = [run for run in runs if run.load.key == key]
        scale = _scale(of_load)
        body.append(_heading(of_load[0], y))
        for place, run in enumerate(of_load):
            x = LEFT + place % COLUMNS * (WIDE + GAP)
            body.append(_panel(run, scale, x, y + HEAD + place // COLUMNS * (HIGH + HEAD - 8)))
        y += HEAD - math.floor(-len(of_load) / COLUMNS) * (HIGH + HEAD - 8) + 4
    width = LEFT + COLUMNS * (WIDE + GAP) - GAP / 2
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {y - 20:.0f}" role="img" '
        f'aria-label="Cumulated service per user over time, one panel per system"><style>{STYLE}</style>\n'
        f'<rect class="paper" width="100%" height="100%"/>\n{"".join(body)}</svg>\n'
    )


def _scale(runs: Sequence[Run]) -> Scale:
    heavy = runs[0].load.key == "heavy"
    ends = [run.measures.watched_last if heavy else run.measures.period for run in runs]
    until = 1.1 * max(end for end in ends if math.isfinite(end))
    curves = [service_curves(run.records, run.load, until) for run in runs]
    users = runs[0].load.watched if heavy else runs[0].load.users
    most = max(max(curve.service[user], default=0.0) for curve in curves for user in users)
    return Scale(begin=0.05, until=until, most=most * (1.6 if heavy else 1.05), log=heavy)


def _heading(run: Run, y: float) -> str:
    many, few = LEGENDS[run.load.key]
    note = "Processor seconds that a user has had, over seconds from the start"
    note += ", logarithmic. The heavy user gets more." if run.load.key == "heavy" else "."
    return (
        f'<text class="title" x="{LEFT}" y="{y}">{escape(run.load.title[:1].upper() + run.load.title[1:])}</text>\n'
        f'<path class="many" d="M{LEFT} {y + 16}h22"/><text x="{LEFT + 28}" y="{y + 20}">{many}</text>'
        f'<path class="few" d="M{LEFT + 130} {y + 16}h22"/><text x="{LEFT + 158}" y="{y + 20}">{few}</text>'
        f'<text class="small" x="{LEFT + 350}" y="{y + 20}">{note}</text>\n'
    )


def _panel(run: Run, scale: Scale, x: float, y: float) -> str:
    """Return one system's curves. A panel has its own coordinates, and cuts off what is outside."""
    curves = service_curves(run.records, run.load, scale.until)
    top = max(run.load.weights.values())
    lines = []
    for user in reversed(run.load.users):
        many = user == "heavy" if top == 1.0 else run.load.weights[user] == top
        lines.append(f'<path class="{"many" if many else "few"}" d="{_line(curves, user, scale)}"/>\n')
    ticks = [
        f'<path class="grid" d="M{scale.x(tick):.1f} 0V{HIGH}"/>'
        f'<text class="small mid" x="{scale.x(tick):.1f}" y="{HIGH + 13}">{tick:g}</text>'
        for tick in scale.ticks()
    ]
    return (
        f'<g transform="translate({x:.0f} {y:.0f})"><text y="-7">{escape(run.system.title)}</text>{"".join(ticks)}\n'
        f'<svg width="{WIDE:g}" height="{HIGH:g}">{"".join(lines)}</svg>'
        f'<rect class="frame" width="{WIDE:g}" height="{HIGH:g}"/>'
        f'<text class="small end" x="-4" y="9">{scale.most:.1f}</text>'
        f'<text class="small end" x="-4" y="{HIGH:g}">0</text></g>\n'
    )


def _line(curves: Curves, user: str, scale: Scale) -> str:
    """Return a user's curve as the data of an SVG path."""
    points = []
    for moment in scale.moments():
        place = bisect_right(curves.moments, moment) - 1
        service = curves.service[user][place] if place >= 0 else 0.0
        points.append((f"{scale.x(moment):.0f}", f"{scale.y(service):.1f}"))
    # A point between two of the same height adds nothing.
    corners = [
        at
        for before, at, after in zip(points, points[1:], points[2:], strict=False)
        if not before[1] == at[1] == after[1]
    ]
    return "M" + "L".join(" ".join(at) for at in [points[0], *corners, points[-1]])
