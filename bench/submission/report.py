"""The tables of the figures measured."""

from __future__ import annotations

from collections.abc import Sequence

from bench.harness import middle, table

ADDRESSES = ("jobs", "lean")
CLIENTS = 4
_NOTES = """
CPU ms: of the web process for each request. The clients are Python, too, and share the cores with it: what
they take makes the two look more alike in requests a second than they are.
The lean view checks nothing, counts nothing, finds no flow and tells nobody. It has its own table, so what
it and claims lose beside each other is what they take from each other of the cores; the ratios to it are without.
Waits: the part of all looks at running statements, a hundred looks a second, in which one waited for a lock of a row,
a transaction or a name. Turns wait for one another's flows, whoever submits: what counts is the difference."""


def ratios(some: Sequence[float], others: Sequence[float]) -> list[float]:
    """Return the ratio of each round."""
    return [one / other for one, other in zip(some, others, strict=True)]


def report(figures: dict[str, list[float]], facts: str) -> str:
    """Return the tables and notes as text."""
    bulk = f"POST jobs/bulk/: {middle(figures['bulk'], 0)} jobs a second; aim 30,000"
    return "\n".join([facts, "", _singles(figures), "", bulk, "", _beside(figures), "", _verdict(figures), _NOTES])


def _singles(figures: dict[str, list[float]]) -> str:
    rows = []
    for clients in (1, CLIENTS):
        rates, times, cpu = (
            [figures[f"{address} {clients} {what}"] for address in ADDRESSES] for what in ("rate", "ms", "cpu")
        )
        cells = [*(middle(its, 0) for its in rates), middle(ratios(*rates)), *map(middle, times), *map(middle, cpu)]
        rows.append([f"{clients} at once", *cells])
    heads = ["", "jobs/ a second", "lean", "ratio (aim 0.85)", "jobs/ ms", "lean ms", "jobs/ CPU ms", "lean CPU ms"]
    return table(heads, rows)


def _beside(figures: dict[str, list[float]]) -> str:
    rows = []
    for address in ADDRESSES:
        alone, beside = figures[f"{address} {CLIENTS} rate"], figures[f"{address} beside claims"]
        rows.append([f"POST {address}/, beside claims", *_cells(alone, beside)])
    for address in ADDRESSES:
        alone, beside = figures["claims beside nobody"], figures[f"claims beside {address}"]
        rows.append([f"claims, beside POST {address}/", *_cells(alone, beside)])
    return table(["a second", "alone", "beside the other", "left"], rows)


def _cells(alone: list[float], beside: list[float]) -> list[str]:
    return [middle(alone, 0), middle(beside, 0), middle(ratios(beside, alone))]


def _verdict(figures: dict[str, list[float]]) -> str:
    claims = ratios(figures["claims beside jobs"], figures["claims beside lean"])
    left = {
        address: ratios(figures[f"{address} beside claims"], figures[f"{address} {CLIENTS} rate"])
        for address in ADDRESSES
    }
    waits = {f"turns, beside {who}": f"turns wait beside {who}" for who in ("nobody", *ADDRESSES)}
    waits["submissions, beside claims"] = "submissions_wait"
    return table(["do they slow each other, beyond the cores that they share?", "", "aim"], [
        ["what POST jobs/ leaves of claims : what POST lean/ leaves", middle(claims), "0.8 at least"],
        ["what claims leave of POST jobs/ : what they leave of POST lean/", middle(ratios(*left.values())),
         "0.8 at least"],
        *([f"looks that find a lock waited for: {who}", middle(figures[name], 3), ""] for who, name in waits.items()),
    ])  # fmt: skip
