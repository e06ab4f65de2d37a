"""leases: whether they can be judged by the database's clock just now."""

from __future__ import annotations

import time
from datetime import datetime, timedelta

from ..conf import queue_settings
from ..models import database_now

OFF = 1.0
"""Seconds by which the database's clock and this process's may disagree between two looks."""


class LeaseJudge:
    """One per process that rescues, asked before each rescue.

    A lease that ran out means a dead processor only if the processor could have extended it. Where the database was out
    of reach, or its clock was set forwards, processors that live need time for another heartbeat.
    """

    def __init__(self) -> None:
        self._seen: tuple[float, datetime] | None = None
        self._not_before = float("-inf")

    def may_judge(self) -> bool:
        """Whether leases can be judged now. Raises DatabaseError while the database is away. One query."""
        settings = queue_settings()
        now, theirs = time.monotonic(), database_now()
        if self._seen is None or now - self._seen[0] > settings.LEASE / 2:
            self._wait(now + 2 * settings.HEARTBEAT)
        elif abs((theirs - self._seen[1]) / timedelta(seconds=1) - (now - self._seen[0])) > OFF:
            self._wait(now + settings.LEASE)
        self._seen = now, theirs
        return now >= self._not_before

    def _wait(self, until: float) -> None:
        self._not_before = max(self._not_before, until)
