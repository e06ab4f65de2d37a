"""When a waiting job will start, and what share a flow is owed, from a few numbers and not from every job.

Virtual time passes at (processors / total weight) per second while every flow keeps its backlog; a job starts when
it reaches the job's own. So the estimate is right in the mean while the others stay, and late where they leave.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Fleet:
    """All processors, and the flows that want them.

    `processors`: those that take turns; `idle`: those of them without a job; `next_free`: seconds until the next
    one should be done; `flows` and `total_weight`: of the flows that wait or run now.
    """

    processors: int = 0
    idle: int = 0
    next_free: float = 0.0
    flows: int = 0
    total_weight: float = 0.0


@dataclass(frozen=True)
class Standing:
    """One flow among the others. `lead`: its virtual time less V, at least 0; `active`: it is among Fleet.flows."""

    weight: float = 1.0
    cap: int | None = None
    lead: float = 0.0
    active: bool = True


def others_and_own(flow: Standing, fleet: Fleet) -> tuple[int, float]:
    """How many flows take turns, and their total weight, counting this flow in whether or not it is active."""
    if flow.active:
        return max(fleet.flows, 1), max(fleet.total_weight, flow.weight)
    return fleet.flows + 1, fleet.total_weight + flow.weight


def share_owed(flow: Standing, fleet: Fleet) -> float:
    """The fraction of all processors, from 0 to 1, that the flow is owed while it has a backlog."""
    share = flow.weight / others_and_own(flow, fleet)[1]
    if flow.cap is not None and fleet.processors:
        return min(share, flow.cap / fleet.processors)
    return share


def seconds_until_start(ahead: float, flow: Standing, fleet: Fleet) -> float | None:
    """Seconds until a job starts that has `ahead` processor seconds before it in its flow. None: nobody works."""
    if fleet.processors == 0:
        return None
    wait = (flow.lead + ahead / flow.weight) * others_and_own(flow, fleet)[1] / fleet.processors
    if flow.cap is not None:
        wait = max(wait, ahead / flow.cap)
    return wait if fleet.idle else max(wait, fleet.next_free)
