"""Shares as the texts, widths and lines that their page shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from django.urls import reverse

from queueapp import svg
from queueapp.models import Flow
from queueapp.snapshots.shares import FlowShare, Shares, Waits

from ..formatting import EMPTY_VALUE, moment, seconds

COLOURED = 6
"""Flows with a colour of their own, at most; the colours are in shares.css."""
REST = "rest"
"""The colour of all other flows."""
BEHIND = 0.9
"""A flow that got less than this fraction of what it was owed is marked."""


@dataclass(frozen=True)
class Waited:
    """How many jobs started, as a number and as a text, and how long they had waited."""

    many: int
    jobs: str
    median: str
    p95: str


@dataclass(frozen=True)
class Row:
    """One flow, or all others. `owed_wide`, `got_wide`: widths of bars. The last three: the picture over time."""

    name: str
    link: str
    about: str
    colour: str
    owed: str
    got: str
    owed_wide: str
    got_wide: str
    of_owed: str
    behind: bool
    time: str
    waited: Waited
    owed_line: str
    got_area: str
    peak: str


@dataclass(frozen=True)
class Shown:
    """All that the page shows. `layers`: the colour, the area and the name of each layer of the picture."""

    rows: list[Row]
    flows: str
    evenness: str
    evenness_means: str
    time: str
    busy: str
    waited: Waited
    layers: list[tuple[str, str, str]]
    scale: list[str]
    slice: str
    as_of: str


def shown(found: Shares) -> Shown:
    """Return what the page shows of these shares."""
    span = found.slices
    names = Counter(share.flow.name for share in found.flows if share.flow)
    rows = [_row(share, colour, found, names) for share, colour in _coloured(found.everyone)]
    layers, scale = _picture(found, rows)
    return Shown(
        rows=rows,
        flows=_many(sum(share.together for share in found.everyone), "flow"),
        evenness=EMPTY_VALUE if found.evenness is None else f"{found.evenness:.3f}",
        evenness_means=_meaning(found.evenness),
        time=seconds(found.got_seconds),
        busy=f"{found.got_seconds / sum(span.lengths):.3g}",
        waited=_waited(found.waits),
        layers=layers,
        scale=scale,
        slice=seconds(span.width).removesuffix("\N{NO-BREAK SPACE}0\N{NO-BREAK SPACE}s"),
        as_of=moment(span.until),
    )


def part(fraction: float) -> str:
    """Return a fraction as a percentage, with one decimal below 10 %."""
    if 0 < fraction < 0.0005:
        return "< 0.1\N{NO-BREAK SPACE}%"
    return f"{fraction * 100:.{1 if 0 < fraction < 0.0995 else 0}f}\N{NO-BREAK SPACE}%"


def _coloured(everyone: Sequence[FlowShare]) -> list[tuple[FlowShare, str]]:
    one_by_one = [share for share in everyone if share.together == 1]
    return [
        (share, f"c{place}" if place <= min(COLOURED, len(one_by_one)) else REST)
        for place, share in enumerate(everyone, 1)
    ]


def _row(share: FlowShare, colour: str, found: Shares, names: Counter[str]) -> Row:
    longest = max(max(other.owed_seconds, other.got_seconds) for other in found.everyone) or 1.0
    total = found.got_seconds or 1.0
    ratio = share.got_seconds / share.owed_seconds if share.owed_seconds else None
    owed, got = _processors(share.owed, found), _processors(share.got, found)
    peak = max(*got, *owed)
    return Row(
        name=_name(share),
        link=reverse("admin:queueapp_flow_change", args=[share.flow.pk]) if share.flow else "",
        about=_about(share.flow, names) if share.flow else "",
        colour=colour,
        owed=part(share.owed_seconds / total),
        got=part(share.got_seconds / total),
        owed_wide=f"{share.owed_seconds / longest:.2%}",
        got_wide=f"{share.got_seconds / longest:.2%}",
        of_owed=EMPTY_VALUE if ratio is None else part(ratio),
        behind=ratio is not None and ratio < BEHIND,
        time=seconds(share.got_seconds),
        waited=_waited(share.waits),
        owed_line=svg.line(owed, peak),
        got_area=svg.area(got, peak),
        peak=f"{peak:.2g}",
    )


def _processors(amounts: Sequence[float], found: Shares) -> list[float]:
    """Return processor seconds of each slice as a number of processors."""
    return [amount / length for amount, length in zip(amounts, found.slices.lengths, strict=True)]


def _picture(found: Shares, rows: Sequence[Row]) -> tuple[list[tuple[str, str, str]], list[str]]:
    """Return the layers of the picture, and the labels of its axis from the top down."""
    layers: dict[str, list[float]] = {}
    names: dict[str, str] = {}
    for share, row in zip(found.everyone, rows, strict=True):
        busy = _processors(share.got, found)
        layers[row.colour] = svg.sums(layers[row.colour], busy) if row.colour in layers else busy
        names[row.colour] = "all others" if row.colour == REST else row.name
    highest = svg.round_up(max(map(sum, zip(*layers.values(), strict=True)), default=0.0))
    areas = svg.stacked(list(layers.values()), highest)
    scale = [f"{highest:g}", f"{highest / 2:g}", "0"]
    return list(zip(layers, areas, names.values(), strict=True)), scale


def _name(share: FlowShare) -> str:
    if share.together > 1:
        return _many(share.together, "other flow")
    return share.flow.name if share.flow else "a flow that is gone"


def _about(flow: Flow, names: Counter[str]) -> str:
    about = [f"weight {flow.state.weight:g}"]
    if flow.state.cap is not None:
        about.append(f"at most {flow.state.cap} at once")
    if names[flow.name] > 1:  # an owner and a rule can have the same name
        about.append(str(flow.rule))
    return ", ".join(about)


def _waited(waits: Waits) -> Waited:
    return Waited(waits.jobs, f"{waits.jobs:,}", _wait(waits.median), _wait(waits.p95))


def _wait(length: float | None) -> str:
    # Waits are known to 1 %, from 1 ms up.
    return "< 0.01\N{NO-BREAK SPACE}s" if length is not None and length < 0.01 else seconds(length)


def _many(number: int, what: str) -> str:
    return f"1 {what}" if number == 1 else f"{number:,} {what}s"


def _meaning(evenness: float | None) -> str:
    if evenness is None:
        return "nobody was owed anything"
    if evenness >= 0.9995:
        return "everyone got what they were owed"
    return "near to what was owed" if evenness >= 0.95 else "some got far less than they were owed"
