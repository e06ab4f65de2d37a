"""The bounds that the order promises, as numbers, and a measure of how fair a division was."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .scheduler import TURN_QUANTA

Flow = tuple[float, float]
"""The largest cost of one of a flow's jobs (processor seconds, declared or real, whichever is more), and its weight."""


def service_gap_bound(processors: int, quantum: float, f: Flow, g: Flow, third_parties: Iterable[Flow] = ()) -> float:
    """Return the bound on the difference in service per weight of two flows, over any interval in which both are ready.

    The unit is processor seconds per weight: (P + 1) * ((cmax_f + 2q) / w_f + (cmax_g + 2q) / w_g). A turn starts no
    job once it has run for two quanta; the last that it starts may be of any size. Sources: Goyal, Vin, Cheng,
    Start-time Fair Queuing, SIGCOMM 1996, for one server; Jin, Chase, Kaur, SIGMETRICS 2004, for many.

    `third_parties`: other flows that declare more than their jobs take, each as the largest excess and the weight.
    Until such a turn is settled V may lie that far ahead, and flows join there. The largest of P * (over + 2q) / w is
    added.
    """
    ahead = max((processors * largest_turn(over, quantum) / weight for over, weight in third_parties), default=0.0)
    return ahead + (processors + 1) * (largest_turn(f[0], quantum) / f[1] + largest_turn(g[0], quantum) / g[1])


def largest_turn(largest_job: float, quantum: float) -> float:
    """Return the maximum cost of a turn, in processor seconds, as charged and as spent."""
    return TURN_QUANTA * quantum + largest_job


def head_wait_bound(processors: int, quantum: float, flow: Flow, others: Sequence[Flow]) -> float:
    """Return the seconds within which the first waiting job of a flow without a cap starts, whatever the others do.

    While the job waits, no processor is idle. The flow itself gets at most what it already runs. Each other flow gets
    at most what the gap between the two allows: P * wait <= own + sum over g of w_g * (own / w + gap).
    """
    own = processors * largest_turn(flow[0], quantum)
    theirs = sum(g[1] * (own / flow[1] + service_gap_bound(processors, quantum, flow, g)) for g in others)
    return (own + theirs) / processors


def jain_index(shares: Iterable[float]) -> float:
    """Return Jain's index of fairness: 1 if all shares are equal, 1/n if one of n has all.

    It is 1 also for no shares, or none above 0. A share is a flow's service divided by the service it was owed.
    Source: Jain, Chiu, Hawe, DEC-TR-301, 1984.
    """
    values = list(shares)
    squares = sum(value * value for value in values)
    return sum(values) ** 2 / (len(values) * squares) if squares else 1.0
