"""The processors and the active flows at one moment, and the projection of when waiting jobs start."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from django.db.models import Count, Q, Sum

from ..db.routines import versioned
from ..models import Cluster, FlowState, Processor
from ..policy.accuracy import Accuracy
from ..policy.projection import (
    Capped,
    Fleet,
    Next,
    Projection,
    Standing,
    others_and_own,
    seconds_left,
    share_owed,
)
from ..policy.rules import Terms
from . import shapes
from .shapes import iso

FLOWS, PER_FLOW, UPCOMING = 200, 100, 2_000
"""Limits of the projection job by job: flows, jobs of each flow, jobs in all."""

# The first jobs of the next flows, with their tags. `last_tag`: the tag at which the flow's unread jobs begin; NULL if
# the flow has no more jobs.
_UPCOMING = versioned("""
    SELECT t.tag, t.job_id, t.expected, f.flow_id, f.vtime, t.last_tag
      FROM (SELECT flow_id, vtime, weight, ratio FROM queueapp_flowstate WHERE ready ORDER BY vtime, head LIMIT %s) AS f
     CROSS JOIN LATERAL (
           SELECT job_id, expected, f.vtime + coalesce(sum(expected) OVER before, 0) / f.weight AS tag,
                  CASE WHEN count(*) OVER () = %s
                       THEN f.vtime + sum(expected) OVER () / f.weight END AS last_tag
             FROM (SELECT job_id, expected * f.ratio AS expected, queueapp_place_of(moved_to, job_id) AS place
                     FROM queueapp_waiting WHERE flow_id = f.flow_id
                    ORDER BY queueapp_place_of(moved_to, job_id), job_id LIMIT %s) AS head
           WINDOW before AS (ORDER BY place, job_id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
           ) AS t
     ORDER BY t.tag, t.job_id LIMIT %s
""")


@dataclass(frozen=True)
class FleetNow:
    """The fleet at one moment, and the projection from it."""

    fleet: Fleet
    projection: Projection
    starting: int
    """Processors that the fleet should have, and that are not alive yet."""
    at: datetime

    @property
    def processors(self) -> shapes.Processors:
        """The numbers of processors, as the JSON has them."""
        return {"alive": self.fleet.processors, "busy": self.fleet.busy, "starting": self.starting}

    def owed(self, flow: Standing) -> shapes.ShareOwed:
        """Return what a flow with these terms is owed."""
        return {
            "weight": flow.terms.weight,
            "cap": flow.terms.cap,
            "active": flow.active,
            "owed": round(share_owed(flow, self.fleet), 4),
            "flows": others_and_own(flow, self.fleet)[0],
        }

    def estimates(self, flows: Iterable[Standing], behind: float, accuracy: Accuracy) -> shapes.Estimates:
        """Return what all users are told together, with the shares of such flows."""
        curve = self.projection.curve()
        return {
            "time": iso(self.at),
            "processors": self.processors,
            "shares": [self.owed(flow) for flow in flows],
            "starts": [] if curve is None else [[tag, round(seconds, 3)] for tag, seconds in curve.points],
            "pace": 0.0 if curve is None else curve.pace,
            "ranges": [[round(number, 3) for number in factors] for factors in accuracy.ranges()],
            "held": None if accuracy.held is None else round(accuracy.held, 2),
            "behind": round(behind, 1),
        }


def fleet_now(now: datetime) -> FleetNow:
    """Return the fleet as it is. At most four queries: processors, active flows, clusters, upcoming jobs."""
    remaining = [
        0.0 if processor.expected is None else seconds_left(processor.expected, processor.time_spent(now))
        for processor in Processor.objects.accepting().expecting()
    ]
    active = FlowState.objects.filter(Q(backlogged=True) | Q(busy__gt=0)).order_by()
    terms = list(active.values_list("weight", "cap").annotate(many=Count("pk")))
    fleet = Fleet(
        tuple(remaining),
        flows=sum(many for _, _, many in terms),
        total_weight=sum(weight * many for weight, _, many in terms),
        capped=tuple(Capped(Terms(weight, cap), many) for weight, cap, many in terms if cap is not None),
    )
    wished = Cluster.objects.alive().aggregate(parts=Sum("part"))["parts"] or 0
    starting = max(wished - len(remaining), 0)
    return FleetNow(fleet, Projection(fleet, _upcoming() if remaining else []), starting, now)


def _upcoming() -> list[Next]:
    """Return the upcoming jobs, complete up to the last: cut at the tag where unread jobs begin."""
    with connection.cursor() as cursor:
        cursor.execute(_UPCOMING, [FLOWS, PER_FLOW, PER_FLOW, UPCOMING])
        rows = cursor.fetchall()
    cuts = [last_tag for *_, last_tag in rows if last_tag is not None]
    if len({flow for *_, flow, _, _ in rows}) == FLOWS:
        cuts.append(max(vtime for *_, vtime, _ in rows))
    cut = min(cuts, default=float("inf"))
    return [(tag, place, expected) for tag, place, expected, *_ in rows if tag <= cut]
