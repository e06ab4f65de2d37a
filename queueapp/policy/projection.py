"""When a waiting job will start, estimated from what is known without looking at every job."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Capacity:
    """What one flow can count on. `processors`: those alive; `share`: 0 to 1; `cap`: processors at once."""

    processors: int
    share: float
    cap: int | None = None
    idle: int = 0

    @property
    def rate(self) -> float:
        """Processor seconds per second that the flow gets while every flow keeps its backlog."""
        owed = self.processors * self.share
        return owed if self.cap is None else min(owed, float(self.cap))


def seconds_until_start(ahead: float, capacity: Capacity) -> float | None:
    """Seconds until a job starts that has `ahead` processor seconds before it in its flow.

    None where nothing is running the queue. Takes the flow's share as constant: an estimate, exact for
    none and right in the mean while the others' backlogs last.
    """
    if capacity.rate <= 0:
        return None
    if ahead <= 0 and capacity.idle > 0:
        return 0.0
    return ahead / capacity.rate
