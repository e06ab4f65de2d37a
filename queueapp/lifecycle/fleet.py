"""The fleet: clusters join it and learn their parts; staff set its bounds."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from datetime import timedelta

from django.db import connection, transaction
from django.db.models import Sum

from ..conf import queue_settings
from ..db.clock import DatabaseClock
from ..models import Cluster, Fleet
from ..policy.autoscale import Bounds

_PART = """
    SELECT part, (SELECT count(*) FROM queueapp_processor
                   WHERE cluster = c.id AND job_id IS NULL AND NOT draining AND lease_until > clock_timestamp()),
           (SELECT (minimum, maximum, target_wait, dry_run)::text FROM queueapp_fleet)
      FROM queueapp_cluster c WHERE id = %s
"""


def join(cluster: str, bounds: Bounds) -> None:
    """Add a cluster that has started, with its minimum as its part for now; make the fleet's row if there is none."""
    Fleet.objects.get_or_create(pk=1)
    until = DatabaseClock() + _lease()
    Cluster.objects.create(
        id=cluster, host=socket.gethostname(), minimum=bounds.minimum, maximum=bounds.maximum, part=bounds.minimum,
        lease_until=until,
    )  # fmt: skip


def leave(cluster: str) -> None:
    """Remove a cluster that stops."""
    Cluster.objects.filter(pk=cluster).delete()


def beat(cluster: str) -> None:
    """Extend the lease of a cluster."""
    Cluster.objects.filter(pk=cluster).update(lease_until=DatabaseClock() + _lease())


@dataclass(frozen=True)
class Part:
    """A cluster's part of the fleet: how many processors it should run, and how many of its own are idle.

    `bounds`: the fleet's bounds as text, to see whether staff have changed them.
    """

    wanted: int
    idle: int
    bounds: str | None


def part_of(cluster: str) -> Part | None:
    """Return a cluster's part. None: it has not joined, or was taken for dead."""
    with connection.cursor() as cursor:
        cursor.execute(_PART, [cluster])
        row = cursor.fetchone()
        return Part(*row) if row else None


def set_bounds(**bounds: float | None) -> None:
    """Set `minimum`, `maximum`, `target_wait` (None: as configured) or `dry_run` of the fleet.

    Raises ValidationError.

    Locks: the fleet's row.
    """
    with transaction.atomic():
        fleet, _ = Fleet.objects.select_for_update().get_or_create(pk=1)
        for name, value in bounds.items():
            setattr(fleet, name, value)
        fleet.full_clean()
        fleet.save(update_fields=list(bounds))


def capacity() -> int:
    """Return how many processors all live clusters can run."""
    return Cluster.objects.alive().aggregate(most=Sum("maximum"))["most"] or 0


def _lease() -> timedelta:
    return timedelta(seconds=queue_settings().LEASE_SECONDS)
