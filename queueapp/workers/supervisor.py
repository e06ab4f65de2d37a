"""Runs a django-q2 cluster from its start to a clean end: drained, within a deadline, with no process left."""

from __future__ import annotations

import logging
import os
import signal
import time
import uuid
from collections import Counter
from contextlib import suppress
from typing import Any

import psutil
from django.db import DatabaseError, InterfaceError, connection, connections

from .. import tracing
from ..conf import queue_settings
from ..db.sessions import reason
from ..lifecycle.processors import drain
from ..lifecycle.rescue import rescue_cluster, rescue_ended
from ..models import Processor
from . import connection_slots, forked
from .cluster import Backoff, ElasticCluster, Size
from .completed import Sender
from .health import Health
from .liveness import Liveness, reap_orphans
from .membership import Membership
from .watchdog import Watchdog
from .worker import CLUSTER

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.2
"""Seconds between two looks at the cluster's processes."""


class Supervisor:
    """Supervises one cluster. SIGTERM, SIGHUP or SIGINT (Ctrl-C) drains it; the same signal again ends it at once."""

    def __init__(self, health: Health) -> None:
        self.signals: Counter[int] = Counter()
        self.id = ""
        self._cluster: ElasticCluster | None = None
        self._backoff = Backoff()
        self._health = health
        self._sender = Sender()
        self._watchdog = Watchdog()
        settings = queue_settings()
        self._size = Size(settings.MIN_PROCESSORS)
        connection_slots.share(settings.MAX_PROCESSORS, settings.CLUSTER_CONNECTIONS)

    def run(self) -> None:
        """Run the cluster until a signal comes, then stop it. A cluster that died or is stuck is replaced.

        Stops it, too, if the database has been upgraded past this version, and raises ImproperlyConfigured.
        """
        forked.adopt_orphans()
        forked.keep_family_together()
        self._health.touch()
        tracing.prepare()  # here, so that all task processes share what it imports
        self._start()
        try:
            while not self.signals:
                time.sleep(POLL_SECONDS)
                self._look()
                self._health.touch()
        finally:
            self._stop()
            self._health.remove()

    def _look(self) -> None:
        assert self._cluster is not None
        if not self._cluster.sentinel.is_alive():
            self._start_afresh("The cluster's sentinel died", fault=True)
        elif self._watchdog.is_stuck(self.id):
            why = f"There is work and a free processor, and no claim for {self._watchdog.patience:g} s"
            self._watchdog.restarted()
            self._start_afresh(why, fault=False)
        else:
            self._liveness.look()
            self._membership.look()
            self._sender.look()
            reap_orphans(but=self._cluster.sentinel.pid)

    def _start_afresh(self, why: str, *, fault: bool) -> None:
        """Replace the cluster. `fault`: a job may be the cause; otherwise no job loses an attempt."""
        logger.error("%s; ending what is left of the cluster and starting afresh.", why)
        self._end_family()
        self._take_back(fault=fault)
        if fault and (delay := self._backoff.fail(self._began)):
            logger.error("The cluster dies soon after it starts; the next start is in %g s.", delay)
        while self._backoff.waits and not self.signals:
            time.sleep(POLL_SECONDS)
        self._start()

    def _start(self) -> None:
        self._began = time.monotonic()
        # The cluster forks: no connection and no thread may be open here.
        connections.close_all()
        self.id = os.environ[CLUSTER] = str(uuid.uuid4())
        self._cluster = ElasticCluster(self._size)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._on_signal)  # django-q2's handlers wait without a deadline
        cluster = self._cluster
        self._liveness = Liveness(self.id, lambda: cluster.workers)
        self._membership = Membership(self.id, self._size)
        with suppress(RuntimeError):  # the sentinel died at once: the next look sees it
            self._cluster.start()

    def _on_signal(self, number: int, *_: Any) -> None:
        self.signals[number] += 1

    def _insisted(self) -> bool:
        """Whether one signal came twice. Two different ones do not count: Ctrl-C reaches our starter, too."""
        return max(self.signals.values(), default=0) > 1

    def _stop(self) -> None:
        assert self._cluster is not None
        logger.info("Stopping: running jobs have %g s to end.", queue_settings().SHUTDOWN_GRACE_SECONDS)
        with suppress(DatabaseError, InterfaceError):
            drain(self.id)
        self._cluster.stop_event.set()
        deadline = time.monotonic() + queue_settings().SHUTDOWN_GRACE_SECONDS
        while self._cluster.sentinel.is_alive() and time.monotonic() < deadline and not self._insisted():
            time.sleep(POLL_SECONDS / 4)  # join() waits for a pipe that other processes hold, too
        if self._cluster.sentinel.is_alive():
            logger.warning("Some jobs did not end in time; they go back to the queue.")
        self._end_family()
        self._take_back(fault=False)

    def _end_family(self) -> None:
        """Kill all processes of the cluster that are left. If the sentinel is gone, its children are ours."""
        left = psutil.Process().children(recursive=True)
        for process in left:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(left, timeout=5)

    def _take_back(self, *, fault: bool) -> None:
        """Put the jobs of the cluster's processors back. If the database is away, they go back within the lease."""
        self._membership.leave()
        try:
            if fault:
                rescue_ended(Processor.objects.filter(cluster=self.id))
            else:
                rescue_cluster(self.id)
        except (DatabaseError, InterfaceError) as error:
            logger.warning("Could not put jobs back now; they go back within the lease: %s", reason(error))
        connection.close()
