"""Charts of the console: paths that the server draws, with the same numbers as a table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.dateformat import format
from django.utils.translation import gettext, pgettext

from .. import svg
from ..pages.humanize import number, seconds, short
from ..snapshots.console.ended import Ended
from ..snapshots.slices import Slices

EMPTY = "\N{EN DASH}"
"""Shown in place of a missing value."""


@dataclass(frozen=True)
class Layer:
    """One line or area of a chart. `colour`: a class of staff.css."""

    name: str
    colour: str
    path: str
    filled: bool


@dataclass(frozen=True)
class Chart:
    """A chart. `scale`: the labels of its axis from the top down. `begins`: moments, evenly spaced, below it.

    `rows`: the beginning of each slice (ISO 8601, and in words, UTC) with its values in words, the newest first.
    """

    key: str
    title: str
    note: str
    says: str
    layers: list[Layer]
    scale: list[str]
    begins: list[datetime]
    rows: list[tuple[str, str, list[str]]]


def throughput(found: Ended) -> Chart:
    """Return the jobs that ended, as jobs a minute, by how they ended."""
    kinds = [(gettext("succeeded"), "good"), (gettext("failed"), "bad"), (gettext("cancelled"), "rest")]
    numbers = [found.succeeded, found.failed, found.cancelled]
    lengths = found.slices.lengths
    rates = [[many * 60 / length for many, length in zip(line, lengths, strict=True)] for line in numbers]
    top = svg.round_up(max(map(sum, zip(*rates, strict=True)), default=0.0) or 1.0)
    areas = svg.stacked(rates, top)
    return Chart(
        "throughput",
        gettext("Jobs ended"),
        gettext("a minute, in slices of %(time)s") % {"time": seconds(found.slices.width)},
        gettext("%(succeeded)s succeeded, %(failed)s failed, %(cancelled)s cancelled.")
        % {kind: number(sum(line)) for kind, line in zip(("succeeded", "failed", "cancelled"), numbers, strict=True)},
        [Layer(name, colour, area, True) for (name, colour), area in zip(kinds, areas, strict=True)],
        _scale(top, short),
        _begins(found.slices),
        _rows(found.slices, [[number(many) for many in line] for line in numbers]),
    )


def waits(found: Ended) -> Chart:
    """Return how long the jobs that started had waited: the median, and within what 95 of 100 started."""
    medians = [one.median for one in found.slice_waits]
    highs = [one.p95 for one in found.slice_waits]
    top = svg.round_up(max((high for high in highs if high), default=1.0))
    shown = gettext("None started.")
    if found.waits.median is not None and found.waits.p95 is not None:
        shown = gettext("Median %(median)s; 95 of 100 started within %(p95)s.")
        shown %= {"median": wait(found.waits.median), "p95": wait(found.waits.p95)}
    texts = [[wait(one.median), wait(one.p95)] for one in found.slice_waits]
    return Chart(
        "waits",
        pgettext("chart", "Waits"),
        gettext("from submission, or the moment due, to the start"),
        shown,
        [
            Layer(gettext("p95"), "warn", svg.line(highs, top), False),
            Layer(gettext("median"), "good", svg.line(medians, top), False),
        ],
        _scale(top, wait),
        _begins(found.slices),
        _rows(found.slices, [[p95 for _, p95 in texts], [median for median, _ in texts]]),
    )


def wait(length: float | None) -> str:
    """Return a wait in words. Waits are known to 1 %, from 1 ms up."""
    if length is None:
        return EMPTY
    return gettext("under 10 ms") if length < 0.01 else seconds(float(f"{length:.2g}"))


def _scale(top: float, words: Callable[[float], str]) -> list[str]:
    return [words(top), words(top / 2), "0"]


def _begins(span: Slices) -> list[datetime]:
    return [span.begin + (span.until - span.begin) * part / 4 for part in range(5)]


def _rows(span: Slices, columns: Sequence[Sequence[str]]) -> list[tuple[str, str, list[str]]]:
    # Formatted here: a filter of the template takes ten times as long for each.
    words, width = gettext("j M, H:i"), timedelta(seconds=span.width)
    begins = (span.begin + place * width for place in range(span.many))
    rows = [(at.isoformat(), format(at, words), list(texts)) for at, *texts in zip(begins, *columns, strict=True)]
    return rows[::-1]
