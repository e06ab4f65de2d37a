"""The figure of bench.autoscale: processors over time, a panel for each load."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bench.panels import Line, drawing, panel

SHOWN = {"clairvoyant": "few", "this project": "many", "Kubernetes' HPA on depth": "third"}
STYLE = ".third { stroke: #2f855a; stroke-opacity: .7 } "
MINUTES = 60
COLUMNS = 2


def figure(sizes: Mapping[str, Mapping[str, Sequence[int]]]) -> str:
    """Return an SVG. `sizes`: by load and way to decide, the processors at each second."""
    panels = [_panel(load, ways, (n % COLUMNS, n // COLUMNS)) for n, (load, ways) in enumerate(sizes.items())]
    rows = -(-len(panels) // COLUMNS)
    return drawing("Processors over an hour, by load and way to decide", panels, (COLUMNS, rows), STYLE)


def _panel(load: str, ways: Mapping[str, Sequence[int]], place: tuple[int, int]) -> str:
    lines: list[Line] = [
        (style, way if place == (0, 0) else "", [(at / 60, float(size)) for at, size in _changes(ways[way])])
        for way, style in SHOWN.items()
    ]
    most = max(size for _, _, points in lines for _, size in points) * 1.1
    ticks = {f"{minute} min": float(minute) for minute in range(0, MINUTES + 1, 15)}
    return panel(load, lines, ticks, (0.0, float(MINUTES)), most, place, step=max(int(most) // 40 * 10, 5))


def _changes(sizes: Sequence[int]) -> list[tuple[int, int]]:
    """Return the corners of the staircase: seconds and processors. It ends with the hour."""
    corners, before = [], sizes[0]
    for at, size in enumerate(sizes[: MINUTES * 60]):
        if size != before:
            corners += [(at, before), (at, size)]
            before = size
    return [(0, sizes[0]), *corners, (min(len(sizes), MINUTES * 60), before)]
