"""The processors and the flows that want them, at one moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from django.db.models import Count, Q, Sum

from ..models import Flow, Processor
from ..policy.projection import Fleet, Standing


@dataclass(frozen=True)
class FleetNow:
    """The fleet, and V, the virtual time that a flow would join at."""

    fleet: Fleet
    virtual_time: float

    def standing(self, flow: Flow) -> Standing:
        """One flow among the others."""
        active = flow.backlogged or flow.busy > 0
        return Standing(flow.weight, flow.cap, max(flow.vtime - self.virtual_time, 0.0), active)


def fleet_now(now: datetime) -> FleetNow:
    """The fleet as it is. Three queries: processors, active flows, V."""
    processors = list(Processor.objects.accepting().select_related("job"))
    left = [max(p.job.duration - p.time_spent(now), 0.0) for p in processors if p.job is not None]
    active = Flow.objects.filter(Q(backlogged=True) | Q(busy__gt=0)).aggregate(many=Count("pk"), weight=Sum("weight"))
    with connection.cursor() as cursor:
        cursor.execute("SELECT queueapp_virtual_time()")
        virtual_time: float = cursor.fetchone()[0]
    fleet = Fleet(
        processors=len(processors),
        idle=len(processors) - len(left),
        next_free=min(left, default=0.0),
        flows=active["many"],
        total_weight=active["weight"] or 0.0,
    )
    return FleetNow(fleet, virtual_time)
