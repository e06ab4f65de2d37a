"""Samples of predicted starts, and what came of them: how exact estimates are lately, in this process."""

from __future__ import annotations

import random
from datetime import datetime

from django.db import connection

from ..policy.accuracy import Accuracy
from .fleet import FleetNow

PER_LOOK = 3
"""Jobs whose predicted starts are remembered at a look."""
FOLLOW_EVERY = 5.0
"""Seconds between two reads of what came of predictions."""

# When the first attempt of each job started, of those that have started or will not.
_STARTED = """
    SELECT job, min(at) FROM (
        SELECT job_id AS job, started_at AS at FROM queueapp_outcome WHERE job_id = ANY (%(jobs)s)
         UNION ALL
        SELECT job_id, started_at FROM queueapp_attempt WHERE job_id = ANY (%(jobs)s)
         UNION ALL
        SELECT job_id, job_started_at FROM queueapp_processor WHERE job_id = ANY (%(jobs)s)
    ) AS known GROUP BY job
"""


class Predictions:
    """Remembers some predicted starts of each fleet that it is shown, and finds out what came of them."""

    def __init__(self) -> None:
        self.accuracy = Accuracy()
        self._chooser = random.Random()  # noqa: S311 (no secret)
        self._shown: datetime | None = None
        self._followed: datetime | None = None

    def look(self, fleet: FleetNow) -> None:
        """Remember some starts that the fleet's projection has. Now and then read, by a query, which jobs started."""
        if fleet.at == self._shown:
            return
        self._shown = fleet.at
        if self._followed is None or abs((fleet.at - self._followed).total_seconds()) >= FOLLOW_EVERY:
            self._followed = fleet.at
            self._follow()
        for job, seconds in fleet.projection.sample(self._chooser, PER_LOOK):
            self.accuracy.predict(job, fleet.at.timestamp(), seconds)

    def _follow(self) -> None:
        if not (waiting := self.accuracy.open):
            return
        with connection.cursor() as cursor:
            cursor.execute(_STARTED, {"jobs": waiting})
            for job, at in cursor.fetchall():
                if at is None:  # cancelled while it waited
                    self.accuracy.forget(job)
                else:
                    self.accuracy.started(job, at.timestamp())
