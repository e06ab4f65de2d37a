"""Liveness of a cluster's processes: extends the leases of idle processors, and rescues the turns of dead ones."""

from __future__ import annotations

import logging
import os
import time
from contextlib import suppress

import psutil
from django.db import DatabaseError, InterfaceError, connection

from ..conf import queue_settings
from ..lifecycle.processors import beat_idle, register
from ..lifecycle.rescue import rescue_ended
from ..models import Processor

logger = logging.getLogger(__name__)

POLL_SECONDS = 1.0
"""Seconds between two looks into the database, unless a process ends."""


class Liveness:
    """Liveness of one cluster. Workers between turns wait in django-q2 and cannot beat: this beats for all of them."""

    def __init__(self, cluster: str) -> None:
        self._cluster = cluster
        self._known: dict[int, float] = {}
        self._looked_at = self._beaten_at = float("-inf")

    def look(self) -> None:
        """Check the processes; once a second, or when one has ended, also the database. Logs database errors."""
        now = time.monotonic()
        if now - self._looked_at < POLL_SECONDS and all(map(_exists, self._known)):
            return
        self._looked_at = now
        try:
            self._follow(now)
        except (DatabaseError, InterfaceError) as error:
            logger.warning("The processors of this cluster could not be looked at: %s", str(error).strip())
            connection.close()

    def _follow(self, now: float) -> None:
        processors = list(Processor.objects.filter(cluster=self._cluster))
        for processor in processors:
            if processor.pid not in self._known and (began := _began(processor.pid)) is not None:
                self._known[processor.pid] = began
        self._known = dict(filter(_is_alive, self._known.items()))
        rescue_ended([processor for processor in processors if processor.pid not in self._known])
        # Live processes without a row: a sweep deleted it, as the lease ran out while this host was cut off.
        for pid in self._known.keys() - {processor.pid for processor in processors}:
            register(self._cluster, pid)
        if now - self._beaten_at >= queue_settings().LEASE_SECONDS / 5:
            beat_idle(self._cluster, list(self._known))
            self._beaten_at = now


def reap_orphans(but: int | None) -> None:
    """Reap adopted children that have ended. `but`: the pid of a child to leave, whose exit code is read elsewhere."""
    with suppress(ChildProcessError):
        while (ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)) and ended.si_pid != but:
            os.waitpid(ended.si_pid, os.WNOHANG)


def _exists(pid: int) -> bool:
    """Whether there is a process with this id. Fast, and true for a zombie until its parent reaps it."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _began(pid: int) -> float | None:
    """Return when the process began, in seconds since the epoch. None: it has ended."""
    with suppress(psutil.Error):
        process = psutil.Process(pid)
        if process.status() != psutil.STATUS_ZOMBIE:
            return process.create_time()
    return None


def _is_alive(known: tuple[int, float]) -> bool:
    pid, began = known
    return _began(pid) == began
