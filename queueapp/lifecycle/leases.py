"""Whether leases can be judged by the database's clock at present."""

from __future__ import annotations

import time
from datetime import datetime, timedelta

from ..conf import queue_settings
from ..models import database_now

OFF = 1.0
"""Maximum seconds by which the database's clock and this process's may disagree between two looks."""


RECONNECT_SECONDS = 5.0
"""Seconds that a live processor may take to connect again after an outage: the time-out of an attempt to connect."""


class LeaseJudge:
    """Decides whether leases can be judged. One per process that sweeps, asked before each rescue by lease.

    An expired lease means a dead processor only if the processor could have extended it. If the database was out of
    reach, or its clock was set, live processors need time for another heartbeat.
    """

    def __init__(self) -> None:
        self._seen: tuple[float, datetime, float] | None = None
        self._not_before = float("-inf")

    def may_judge(self) -> bool:
        """Whether leases can be judged now. Raises DatabaseError while the database is away. One query."""
        settings = queue_settings()
        seen = time.monotonic(), database_now(), time.monotonic()
        now = seen[2]
        if self._seen is None:
            self._not_before = now + 2 * settings.HEARTBEAT_SECONDS
        elif now - self._seen[2] > max(settings.LEASE_SECONDS / 2, 2 * settings.SWEEP_SECONDS):
            self._not_before = max(self._not_before, now + RECONNECT_SECONDS + 2 * settings.HEARTBEAT_SECONDS)
        elif _disagree(self._seen, seen):
            self._not_before = max(self._not_before, now + settings.LEASE_SECONDS)
        self._seen = seen
        return now >= self._not_before


def _disagree(earlier: tuple[float, datetime, float], later: tuple[float, datetime, float]) -> bool:
    """Whether the database's clock ran faster or slower than ours. A look is ours, the database's, and ours again."""
    passed = (later[1] - earlier[1]) / timedelta(seconds=1)
    return not later[0] - earlier[2] - OFF <= passed <= later[2] - earlier[0] + OFF
