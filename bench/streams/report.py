"""The tables of bench.streams."""

from __future__ import annotations

import math
from collections.abc import Mapping

from bench.harness import table
from bench.streams.cases import DEEP, DEEP_PAGES, DEPTH_OF_OTHERS, LIGHT, PAGES
from bench.streams.measure import RECEIVED, Figures

NAMES = {"site": "Turnabout", "bare": "bare server", "peer": "django-eventstream"}
AIM_P99, AIM_KB, AIM_CPU, AIM_ACCEPTED, AIM_POST = 500.0, 25.0, 2.0, 1_000.0, 100.0

Cases = Mapping[int, Mapping[str, Figures]]
"""Figures by number of streams and server."""


def number(value: float | None, digits: int = 0) -> str:
    """Return a number as text; "-" if there is none, "never" if it is infinite."""
    if value is None or math.isnan(value):
        return "-"
    return "never" if math.isinf(value) else f"{value:,.{digits}f}"


def report(cases: Cases, pages: Mapping[int, Figures], facts: str) -> str:
    """Return all tables as text."""
    parts = [facts]
    if cases:
        parts += [
            "Settlement's commit to client",
            _completions(cases),
            "Connections; never: not within the limit",
            _connections(cases),
        ]
        parts += ["A bystander's requests", _bystander(cases), _wrong(cases), _aims(cases)]
    if pages:
        parts += [f"{PAGES} pages, by waiting jobs of each page's user", _pages(pages)]
        if any(depth > DEEP for depth in pages):
            parts += [f"Above {DEEP:,}: {DEEP_PAGES} pages with so many; the others have {DEPTH_OF_OTHERS}."]
    return "\n\n".join(parts)


def _rates(figures: Figures) -> list[str]:
    return [name for name in figures if name.endswith("jobs/s")]


def _completions(cases: Cases) -> str:
    rows = [
        [f"{streams:,}", rate, NAMES[server], *(number(its[f"p{part} ms"], 1) for part in (50, 95, 99)),
         number(its["completions/s"]), number(its["other events/s"]), number(its["KB/s"]),
         number(its.get("KB/s received")), number(its["CPU % web"]), number(its.get("CPU % database")),
         number(its["CPU % clients"])]
        for streams, servers in cases.items() for server, figures in servers.items()
        for rate, its in ((rate, figures[rate]) for rate in _rates(figures))
    ]  # fmt: skip
    heads = ["streams", "load", "server", "p50 ms", "p95 ms", "p99 ms", "completions/s", "other events/s", "KB/s"]
    heads += ["received, in gzip"]
    return table([*heads, "CPU % of a core", "its database sessions", "the clients"], rows)


def _connections(cases: Cases) -> str:
    rows = []
    for streams, servers in cases.items():
        for server, figures in servers.items():
            its, storm = figures["connect"], figures.get("storm", {})
            rows.append(
                [f"{streams:,}", NAMES[server], f"{its['opened']:,}", number(its["accepted/s"]),
                 number(its["first events/s"]), number(its["KB a stream"], 1),
                 number(figures.get("KB a stream after load"), 1), number(storm.get("heads"), 1),
                 number(storm.get("firsts"), 1), number(storm.get("refused"))]
            )  # fmt: skip
    heads = ["streams", "server", "opened", "accepted/s", "first events/s", "KB a stream", "after load"]
    return table([*heads, "storm: all heads, s", "all events, s", "refused"], rows)


def _bystander(cases: Cases) -> str:
    rows = []
    for streams, servers in cases.items():
        figures = servers["site"]
        for name in ("connect", *_rates(figures), "storm"):
            if name in figures:
                rows.append([f"{streams:,}", name, *_waits(figures[name]["beside"])])
    heads = ["streams", "meanwhile", "GET queue/ p50 ms", "p95 ms", "POST jobs/ p50 ms", "p95 ms", "failed"]
    return table(heads, rows)


def _waits(its: Figures) -> list[str]:
    times = [number(its[what][part]) for what in ("GET queue/", "POST jobs/") for part in ("p50 ms", "p95 ms")]
    return [*times, ", ".join(f"{many} {why}" for why, many in its["failed"].items()) or "0"]


def _wrong(cases: Cases) -> str:
    lines = []
    for streams, servers in cases.items():
        its = dict(servers["site"].get("wrong", {}))
        if not its:
            lines.append(f"{streams:,} streams: not all were opened in time; nothing further was measured.")
            continue
        total = its.pop("completions")
        amiss = ", ".join(f"{what}: {many}" for what, many in its.items() if many)
        lines.append(f"{streams:,} streams: {total:,} completions; {amiss or 'each told once, in order, to its user'}.")
    return "\n".join(lines)


def _aims(cases: Cases) -> str:
    """Return the largest case beside the aims."""
    streams = max(cases)
    site, bare = cases[streams]["site"], cases[streams].get("bare", {})
    if not (rates := _rates(site)):
        return ""
    its = site[rates[-1]]
    cpu = its["CPU % web"] / bare[rates[-1]]["CPU % web"] if rates[-1] in bare else math.nan
    return table([f"{streams:,} streams, {rates[-1]}", "", "aim"], [
        ["settlement's commit to client, p99 ms", number(its["p99 ms"]), f"below {AIM_P99:g}"],
        ["KB a stream", number(site["connect"]["KB a stream"], 1), f"below {AIM_KB:g}"],
        ["CPU : that of the bare server", number(cpu, 2), f"at most {AIM_CPU:g}"],
        ["connections accepted a second", number(site["connect"]["accepted/s"]), f"at least {AIM_ACCEPTED:,.0f}"],
        ["POST jobs/ of a bystander, p95 ms", number(its["beside"]["POST jobs/"]["p95 ms"]), f"below {AIM_POST:g}"],
    ])  # fmt: skip


def _pages(pages: Mapping[int, Figures]) -> str:
    rows = []
    for depth, its in pages.items():
        if "between" not in its:
            rows.append([f"{depth:,}", "not opened", *["-"] * 13])
            continue
        rows.append(
            [f"{depth:,}", f"{its['pages with a queue']} of {its['pages']}",
             *(number(its[what][part]) for what in ("between", "age") for part in ("p50 ms", "p95 ms")),
             number(its["KB/s a page"], 1), *(number(its[what]) for what in (*RECEIVED, "p50 ms", "p99 ms")),
             number(its["CPU % web"]), number(its["CPU % database"]),
             *(number(its["beside"][what]["p95 ms"]) for what in ("GET queue/", "POST jobs/"))]
        )  # fmt: skip
    heads = ["waiting", "pages with a queue", "between two, p50 ms", "p95", "age at arrival, p50 ms", "p95"]
    heads += [
        "KB/s of queues a page",
        "KB/s of all, in gzip",
        "decompressed",
        f"completion of {LIGHT} light users, p50 ms",
        "p99",
        "CPU % of a core",
    ]
    return table([*heads, "its database sessions", "GET queue/ p95 ms", "POST jobs/ p95 ms"], rows)
