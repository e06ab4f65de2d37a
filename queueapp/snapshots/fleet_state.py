"""What staff see of the fleet: shapes.Fleet."""

from __future__ import annotations

from ..conf import queue_settings
from ..models import Cluster, Fleet, FleetDecision, Processor
from . import shapes
from .shapes import iso

DECISIONS = 20
"""Decisions that staff are shown."""


def fleet_state() -> shapes.Fleet:
    """Return the fleet as it is now. Four queries."""
    fleet = Fleet.objects.first() or Fleet()
    alive, busy = Processor.objects.alive_and_busy()
    return {
        "wished": fleet.wished,
        "alive": alive,
        "busy": busy,
        "minimum": fleet.minimum,
        "maximum": fleet.maximum,
        "target_wait": fleet.target_wait or queue_settings().TARGET_WAIT_SECONDS,
        "dry_run": fleet.dry_run,
        "clusters": [
            {"host": c.host, "minimum": c.minimum, "maximum": c.maximum, "part": c.part}
            for c in Cluster.objects.alive()
        ],
        "decisions": [
            {"at": iso(d.at), "before": d.before, "wished": d.wished, "alive": d.alive, "reason": d.reason}
            for d in FleetDecision.objects.all()[:DECISIONS]
        ],
    }
