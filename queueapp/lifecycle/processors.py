"""Processors: registration, heartbeats, and end."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from enum import StrEnum

from django.db import connection

from ..conf import queue_settings
from ..db.conflicts import retried
from ..db.routines import versioned
from ..models import Processor
from .announce import announce

_REGISTER = versioned("SELECT queueapp_register(%s, %s, %s, %s::float8)")
_HEARTBEAT = versioned("SELECT queueapp_heartbeat(%s, %s, %s::float8, %s::float8, %s, %s::float8)")


class Beat(StrEnum):
    """The answer to a heartbeat: what the processor is to do."""

    GO_ON = "go on"
    CANCEL = "cancel"
    """The present job is to stop."""
    DRAIN = "drain"
    """The cluster is being stopped."""
    LOST = "lost"
    """The turn was given to others."""


def register(cluster: str, pid: int | None = None) -> Processor:
    """Register a process, by default the calling one, as a processor of this cluster. Return its new row."""
    with connection.cursor() as cursor:
        cursor.execute(
            _REGISTER,
            [cluster, socket.gethostname(), pid or os.getpid(), queue_settings().LEASE_SECONDS],
        )
        return Processor.objects.get(pk=cursor.fetchone()[0])


def take_over(processor: Processor, pid: int) -> bool:
    """Let a new process of the same cluster be this processor. Return whether it is still there and has no jobs."""
    return Processor.objects.filter(pk=processor.pk, jobs=[]).update(pid=pid, retiring=False) > 0


def own_processor(cluster: str) -> int | None:
    """Return the key of the calling process's processor. None: it is not registered."""
    own = Processor.objects.filter(cluster=cluster, pid=os.getpid()).order_by("pk")
    return own.values_list("pk", flat=True).last()


def heartbeat(processor: int, turn: int, *, elapsed: float = 0.0, progress: float = 0.0, message: str = "") -> Beat:
    """Extend the lease of a turn and store progress. Return what the processor is to do.

    `elapsed`: seconds that the present job has run. Locks: see db/sql/processor/heartbeat.sql.
    """

    def work() -> Beat:
        with connection.cursor() as cursor:
            cursor.execute(
                _HEARTBEAT,
                [processor, turn, elapsed, progress, message, queue_settings().LEASE_SECONDS],
            )
            return Beat(cursor.fetchone()[0])

    return retried(work)


def beat_idle(cluster: str, pids: Sequence[int]) -> None:
    """Extend the leases of the cluster's processors that are between turns and whose processes (`pids`) are alive.

    Locks: the rows of these processors.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE queueapp_processor SET seen_at = clock_timestamp(),"
            " lease_until = clock_timestamp() + make_interval(secs => %s)"
            " WHERE cluster = %s AND pid = ANY (%s) AND cardinality(jobs) = 0",
            [queue_settings().LEASE_SECONDS, cluster, list(pids)],
        )


def held_turn(processor: int) -> int | None:
    """Return the number of a processor's turn. 0: it has none, or is draining. None: there is no such processor."""
    row = Processor.objects.filter(pk=processor).values_list("turn", "jobs", "draining").first()
    if row is None:
        return None
    turn, jobs, draining = row
    return turn if jobs and not draining else 0


def drain(cluster: str) -> None:
    """Let the processors of this cluster take no further turns."""
    Processor.objects.filter(cluster=cluster).update(draining=True)


def retire(processor: int) -> None:
    """Let a processor take no further turn, and end once it has none. Its cluster starts a fresh one if it is needed.

    Its present job runs to its end. Locks: the processor's row.
    """
    Processor.objects.filter(pk=processor).update(retiring=True)
    announce(work=True)  # an idle one ends with its next ticket
