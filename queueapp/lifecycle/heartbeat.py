"""heartbeat: a processor's signs of life, from its registration to its end."""

from __future__ import annotations

import os
import socket
from datetime import timedelta

from django.db import connection
from django.utils import timezone

from ..conf import queue_settings
from ..models import Processor
from .retry import retried


def register(cluster: str) -> Processor:
    """The new row of the process that calls this, in the cluster of this id."""
    now = timezone.now()
    return Processor.objects.create(
        cluster=cluster,
        host=socket.gethostname(),
        pid=os.getpid(),
        started_at=now,
        seen_at=now,
        lease_until=now + timedelta(seconds=queue_settings().LEASE),
    )


def heartbeat(
    processor: int, turn: int | None, *, elapsed: float = 0.0, progress: float = 0.0, message: str = ""
) -> bool | None:
    """Extend the lease of a turn (None: between turns) and show progress; whether the present job is to stop.

    None: the lease was lost.

    `elapsed`: seconds that the present job has run. Locks: see sql/heartbeat.sql.
    """

    def work() -> bool | None:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT queueapp_heartbeat(%s, %s, %s::float8, %s::float8, %s, %s::float8)",
                [processor, turn, elapsed, progress, message, queue_settings().LEASE],
            )
            stop: bool | None = cursor.fetchone()[0]
            return stop

    return retried(work)


def drain(cluster: str) -> None:
    """Let the processors of this cluster take no further turns."""
    Processor.objects.filter(cluster=cluster).update(draining=True)
