"""Liveness of a cluster's processes: registers workers, extends leases of idle ones, rescues turns of dead ones."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress

import psutil
from django.db import DatabaseError, InterfaceError, connection

from ..conf import queue_settings
from ..lifecycle.processors import beat_idle, register, take_over
from ..lifecycle.rescue import rescue_ended
from ..models import Processor

logger = logging.getLogger(__name__)

POLL_SECONDS = 1.0
"""Seconds between two looks into the database, unless a process ends."""


class Liveness:
    """Liveness of one cluster. Workers between turns wait in django-q2 and cannot beat: this beats for all of them."""

    def __init__(self, cluster: str, pids: Callable[[], Collection[int]]) -> None:
        """`pids`: returns the process ids of the cluster's workers, as the sentinel knows them."""
        self._cluster, self._pids = cluster, pids
        self._known: frozenset[int] = frozenset()
        self._looked_at = self._beaten_at = float("-inf")

    def look(self) -> None:
        """Check the processes; once a second, or when one came or ended, also the database. Logs database errors."""
        now, pids = time.monotonic(), frozenset(self._pids())
        if now - self._looked_at < POLL_SECONDS and pids == self._known:
            return
        self._looked_at, self._known = now, pids
        try:
            self._follow(pids, now)
        except (DatabaseError, InterfaceError) as error:
            logger.warning("The processors of this cluster could not be looked at: %s", str(error).strip())
            connection.close()

    def _follow(self, pids: frozenset[int], now: float) -> None:
        processors = list(Processor.objects.filter(cluster=self._cluster))
        new = sorted(pids - {processor.pid for processor in processors})
        # One that has just been started may have registered itself, and taken a turn, before the sentinel told of it.
        ended = [one for one in processors if one.pid not in pids and _has_ended(one.pid)]
        rescue_ended([one for one in ended if one.jobs or not new or not take_over(one, new.pop())])
        rescue_ended(_twins(processors))
        for pid in new:
            register(self._cluster, pid)
        if now - self._beaten_at >= queue_settings().LEASE_SECONDS / 5:
            beat_idle(self._cluster, list(pids))
            self._beaten_at = now


def _twins(processors: Iterable[Processor]) -> list[Processor]:
    """Return idle processors of processes that have another: worker and supervisor registered it at one moment.

    The one that has jobs stays, else the newest. A worker that knows the other is refused, and finds its own.
    """
    kept = {one.pid: one.pk for one in sorted(processors, key=lambda one: (bool(one.jobs), one.pk))}
    return [one for one in processors if not one.jobs and kept[one.pid] != one.pk]


def reap_orphans(but: int | None) -> None:
    """Reap adopted children that have ended. `but`: the pid of a child to leave, whose exit code is read elsewhere."""
    with suppress(ChildProcessError):
        while (ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)) and ended.si_pid != but:
            os.waitpid(ended.si_pid, os.WNOHANG)


def _has_ended(pid: int) -> bool:
    """Whether the process has ended, even if nobody has reaped it."""
    with suppress(psutil.Error):
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    return True
