"""The autoscaler: one cluster of the fleet decides how many processors there should be, and deals them to all."""

from __future__ import annotations

import time
from datetime import timedelta

from django.db import connection, transaction

from ..conf import queue_settings
from ..db.routines import versioned
from ..models import Cluster, Fleet, FleetDecision, database_now
from ..policy.autoscale import Bounds, Demand, History, deal, horizon

LEADER_SECONDS = 3.0
"""Seconds after which another cluster decides if the leader gives no sign of life."""
MAX_DECISIONS = 1_000
"""Decisions that are kept."""
MAX_JOBS_READ = 100_000
"""Queued jobs that are added up. If there are more, at least so much is to do."""

# The fields of Demand, in its order, and the number of live processors. Of each flow's queued jobs at most as much
# counts as its cap lets it use.
_DEMAND = versioned("""
    WITH queued AS (
        SELECT flow_id, sum(expected * ratio) AS seconds, sum(least(expected * ratio / %(horizon)s, 1)) AS due,
               count(*) AS jobs
          FROM (SELECT flow_id, expected FROM queueapp_waiting WHERE flow_id IS NOT NULL LIMIT %(jobs)s) AS read
          JOIN queueapp_flowstate USING (flow_id)
         GROUP BY flow_id
    ), waiting AS (
        SELECT coalesce(sum(least(q.seconds, f.free * %(target)s)), 0) AS seconds,
               coalesce(sum(least(q.due, f.free)), 0) AS due, coalesce(sum(least(q.jobs, f.free)), 0) AS jobs
          FROM queued q JOIN queueapp_flowstate t ON t.flow_id = q.flow_id
         CROSS JOIN LATERAL (SELECT CASE WHEN t.cap IS NULL THEN NULL ELSE greatest(t.cap - t.busy, 0) END AS free) AS f
         WHERE NOT queueapp_all_paused()
    ), working AS (  -- the seconds that are left: as seconds_left() in policy/projection.py
        SELECT coalesce(sum(least(abs(j.duration * t.ratio - extract(epoch FROM clock_timestamp() - p.job_started_at))
                                  / %(target)s, 1)) FILTER (WHERE p.job_id IS NOT NULL), 0) AS parts,
               count(p.job_id) AS busy, count(*) AS alive
          FROM queueapp_processor p LEFT JOIN queueapp_job j ON j.id = p.job_id
          LEFT JOIN queueapp_flowstate t ON t.flow_id = p.flow_id
         WHERE p.lease_until > clock_timestamp() AND NOT p.draining
    )
    SELECT w.seconds::float8, w.due::float8, w.jobs::int, parts::float8, busy, alive FROM waiting w, working
""")


class Autoscaler:
    """Decides for the whole fleet while its cluster is the leader. What it remembers begins anew with each leader."""

    def __init__(self, cluster: str) -> None:
        self._cluster = cluster
        self._history = History()

    def look(self) -> None:
        """Decide, and deal the parts unless it is a dry run. Only the leader does. Locks: the fleet's row."""
        with transaction.atomic():
            fleet = Fleet.objects.select_for_update(skip_locked=True).first()
            if fleet is None:  # staff, or another cluster, are changing it
                return
            if not self._leads(fleet):
                self._history.clear()
                return
            Cluster.objects.exclude(pk__in=Cluster.objects.alive()).delete()
            clusters = list(Cluster.objects.order_by("pk"))
            bounds = _bounds(fleet, clusters)
            self._decide(fleet, bounds)
            if not fleet.dry_run:
                _deal(fleet.wished, clusters)

    def _leads(self, fleet: Fleet) -> bool:
        """Whether this cluster is the leader, or becomes it now. Prolongs its lease."""
        now = database_now()
        until = now + timedelta(seconds=LEADER_SECONDS)
        # A moment beyond that is from before the clock was set back.
        led = fleet.leader_until is not None and now < fleet.leader_until <= until
        if led and fleet.leader != self._cluster:
            return False
        fleet.leader, fleet.leader_until = self._cluster, until
        fleet.save(update_fields=["leader", "leader_until"])
        return True

    def _decide(self, fleet: Fleet, bounds: Bounds) -> None:
        settings = queue_settings()
        target = fleet.target_wait or settings.TARGET_WAIT_SECONDS
        demand, alive = _read_demand(target)
        decision = self._history.decide(fleet.wished, demand, settings.AUTOSCALE_WINDOW_SECONDS, bounds)
        if decision.wished != fleet.wished:
            reason = f"dry run: {decision.reason}" if fleet.dry_run else decision.reason
            FleetDecision.objects.create(
                before=fleet.wished, wished=decision.wished, alive=alive,
                reason=f"{reason}: {demand.busy} at work, {demand.queued:.1f} s queued",
            )  # fmt: skip
            newest = FleetDecision.objects.values_list("pk", flat=True)[MAX_DECISIONS : MAX_DECISIONS + 1]
            FleetDecision.objects.filter(pk__lte=max(newest, default=0)).delete()
            fleet.wished = decision.wished
            fleet.save(update_fields=["wished"])


def _read_demand(target: float) -> tuple[Demand, int]:
    """Return what there is to do now, and how many processors are alive. One query."""
    with connection.cursor() as cursor:
        cursor.execute(_DEMAND, {"target": target, "horizon": horizon(target), "jobs": MAX_JOBS_READ})
        *demand, alive = cursor.fetchone()
    return Demand(time.monotonic(), *demand), alive


def _bounds(fleet: Fleet, clusters: list[Cluster]) -> Bounds:
    """Return the bounds of all clusters together, or staff's, as far as the clusters can go."""
    room = sum(cluster.maximum for cluster in clusters)
    least = sum(cluster.minimum for cluster in clusters)
    maximum = min(room if fleet.maximum is None else fleet.maximum, room)
    return Bounds(min(least if fleet.minimum is None else fleet.minimum, maximum), maximum)


def _deal(wished: int, clusters: list[Cluster]) -> None:
    parts = deal(wished, [Bounds(cluster.minimum, cluster.maximum) for cluster in clusters])
    for cluster, part in zip(clusters, parts, strict=True):
        if cluster.part != part:
            Cluster.objects.filter(pk=cluster.pk).update(part=part)
