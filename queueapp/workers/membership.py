"""A cluster's membership in the fleet: it learns its part, and decides for all if it is the leader."""

from __future__ import annotations

import logging
import time
from contextlib import suppress

from django.db import DatabaseError, InterfaceError, connection

from ..conf import queue_settings
from ..db.sessions import reason
from ..lifecycle import fleet
from ..lifecycle.autoscaler import Autoscaler
from ..policy.autoscale import DECIDE_SECONDS, Bounds
from .cluster import Size

logger = logging.getLogger(__name__)


class Membership:
    """One per cluster. Without the database, the cluster keeps its size."""

    def __init__(self, cluster: str, size: Size) -> None:
        settings = queue_settings()
        self._cluster, self._size = cluster, size
        self._bounds = Bounds(settings.MIN_PROCESSORS, settings.MAX_PROCESSORS)
        self._autoscaler = Autoscaler(cluster)
        self._decided_at = float("-inf")
        self._followed: str | None = None

    def look(self) -> None:
        """Follow the part of this cluster. Decide before, if it is time or staff have changed the bounds.

        Call it several times in DECIDE_SECONDS: a decision that is due waits for the next call.
        """
        now = time.monotonic()
        try:
            part = fleet.part_of(self._cluster)
            if part is None:
                fleet.join(self._cluster, self._bounds)
            elif now - self._decided_at >= DECIDE_SECONDS or part.bounds != self._followed:
                self._decided_at, self._followed = now, part.bounds
                fleet.beat(self._cluster)
                self._autoscaler.look()
                part = fleet.part_of(self._cluster)
            if part is not None:
                self._size.set(part.wanted, part.idle)
        except (DatabaseError, InterfaceError) as error:
            logger.warning("This cluster could not learn its part of the fleet: %s", reason(error))
            connection.close()

    def leave(self) -> None:
        """Leave the fleet, as the cluster stops."""
        with suppress(DatabaseError, InterfaceError):
            fleet.leave(self._cluster)
