"""What is promised, in numbers, and how fair a measured division is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

Flow = tuple[float, float]
"""A flow's largest cost of one job (processor seconds, declared or real, whichever is more) and its weight."""


def service_gap_bound(processors: int, quantum: float, f: Flow, g: Flow, third_parties: Iterable[Flow] = ()) -> float:
    """The most by which the service per weight of two flows can differ over any interval in which both are backlogged.

    In processor seconds per weight: (P + 1) * ((cmax_f + q) / w_f + (cmax_g + q) / w_g): a turn's jobs but the last
    are less than a quantum, and the last one is any. Source: Goyal, Vin, Cheng, Start-time Fair Queuing, SIGCOMM 1996,
    for one server; Jin, Chase, Kaur, SIGMETRICS 2004, for many.

    `third_parties`: other flows that declare more than their jobs take, by how much at most, and their weights.
    Until such turns are settled V may lie that far ahead, and who joins, joins there: P * (over + q) / w more.
    """
    ahead = max((processors * largest_turn(over, quantum) / weight for over, weight in third_parties), default=0.0)
    return ahead + (processors + 1) * (largest_turn(f[0], quantum) / f[1] + largest_turn(g[0], quantum) / g[1])


def largest_turn(largest_job: float, quantum: float) -> float:
    """Processor seconds that a turn costs at most."""
    return quantum + largest_job


def head_wait_bound(processors: int, quantum: float, flow: Flow, others: Sequence[Flow]) -> float:
    """Seconds within which the first waiting job of a flow without a cap starts, whatever the others do.

    While it waits no processor is idle, the flow itself gets at most what it already runs, and each other flow at
    most what the gap between the two allows: P * wait <= own + sum over g of w_g * (own / w + gap).
    """
    own = processors * largest_turn(flow[0], quantum)
    theirs = sum(g[1] * (own / flow[1] + service_gap_bound(processors, quantum, flow, g)) for g in others)
    return (own + theirs) / processors


def jain_index(shares: Iterable[float]) -> float:
    """How even shares are: 1 where all are equal, 1/n where one of n has all. 1 for no shares, or none above 0.

    Give it each flow's service divided by what it was owed. Source: Jain, Chiu, Hawe, DEC-TR-301, 1984.
    """
    values = list(shares)
    squares = sum(value * value for value in values)
    return sum(values) ** 2 / (len(values) * squares) if squares else 1.0
