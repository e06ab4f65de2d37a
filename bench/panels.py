"""Figures of panels with lines, as SVG that follows the reader's colour scheme."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bench.fairness.plot import STYLE

WIDE, HIGH, LEFT, TOP, GAP, BELOW = 360.0, 190.0, 56.0, 62.0, 84.0, 84.0
Point = tuple[float, float]
Line = tuple[str, str, Sequence[Point]]
"""The class of its style, its name in the legend, and its points."""


def drawing(label: str, panels: Sequence[str], size: tuple[int, int], style: str = "") -> str:
    """Return an SVG with these panels. `size`: columns and rows. `label`: what is read to who cannot see it."""
    width = LEFT + size[0] * WIDE + (size[0] - 1) * GAP + 12
    height = TOP + size[1] * HIGH + (size[1] - 1) * BELOW + 34
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" role="img" '
        f'aria-label="{label}"><style>{STYLE}{style}</style>\n'
        f'<rect class="paper" width="100%" height="100%"/>\n{"".join(panels)}</svg>\n'
    )


def panel(
    title: str,
    lines: Sequence[Line],
    ticks: Mapping[str, float],
    span: tuple[float, float],
    most: float,
    place: tuple[int, int],
    *,
    step: int,
) -> str:
    """Return a panel: axes, lines and their legend. `most`: of the vertical axis, `step`: between its lines.

    `ticks`: the labels of the horizontal axis, which reaches over `span`. `place`: column and row.
    """

    def x(value: float) -> str:
        return f"{WIDE * (value - span[0]) / (span[1] - span[0]):.1f}"

    def y(value: float) -> str:
        return f"{HIGH * (1 - value / most):.1f}"

    parts = [f'<text class="title" x="0" y="-38">{title}</text>']
    for name, tick in ticks.items():
        parts.append(f'<path class="grid" d="M{x(tick)} 0V{HIGH}"/>')
        parts.append(f'<text class="small mid" x="{x(tick)}" y="{HIGH + 14}">{name}</text>')
    for height in range(0, int(most), step):
        parts.append(f'<path class="grid" d="M0 {y(height)}H{WIDE}"/>')
        parts.append(f'<text class="small end" x="-6" y="{y(height)}">{height:,}</text>')
    named = [name for _, name, _ in lines if name]
    for colour, name, points in lines:
        parts.append(f'<path class="{colour}" d="M{"L".join(f"{x(at)} {y(value)}" for at, value in points)}"/>')
        if name:
            begin = 120 * named.index(name)
            parts.append(f'<path class="{colour}" d="M{begin} -16h22"/><text x="{begin + 28}" y="-12">{name}</text>')
    parts.append(f'<rect class="frame" width="{WIDE:g}" height="{HIGH:g}"/>')
    left, top = LEFT + place[0] * (WIDE + GAP), TOP + place[1] * (HIGH + BELOW)
    return f'<g transform="translate({left:.0f} {top:.0f})">{"".join(parts)}</g>\n'
