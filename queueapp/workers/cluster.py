"""Runs a django-q2 cluster from its start to a clean end: drained, within a deadline, with nothing left behind."""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import sys
import time
import uuid
from collections import Counter
from contextlib import suppress
from typing import Any

import psutil
from django.db import DatabaseError, InterfaceError, connection, connections
from django_q.cluster import Cluster

from ..conf import queue_settings
from ..lifecycle.heartbeat import drain
from ..lifecycle.rescue import rescue_cluster
from .ticket import CLUSTER
from .watch import Watch

logger = logging.getLogger(__name__)

_PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h
LOOK_EVERY = 0.2
"""Seconds between two looks at the sentinel."""


class ClusterRun:
    """One cluster under our eyes. SIGTERM or SIGINT (Ctrl-C) drains it; the same once more ends it at once."""

    def __init__(self) -> None:
        self.signals: Counter[int] = Counter()
        self.id = ""
        self._cluster: Cluster | None = None
        self._watch = Watch()

    def run(self) -> None:
        """Work until a signal comes, then stop. A cluster that died or is stuck is replaced by a fresh one."""
        _adopt_orphans()
        self._start()
        while not self.signals:
            time.sleep(LOOK_EVERY)
            if (wrong := self._wrong()) is not None:
                logger.error("%s; ending what is left of the cluster and starting afresh.", wrong)
                self._end_family()
                self._take_back()
                self._start()
        self._stop()

    def _wrong(self) -> str | None:
        """Why the cluster can not go on; None: it can."""
        assert self._cluster is not None
        if not self._cluster.sentinel.is_alive():
            return "The cluster's sentinel died"
        if self._watch.is_stuck(self.id):
            return f"There is work and a free processor, and no claim for {queue_settings().STUCK:g} s"
        return None

    def _start(self) -> None:
        # The cluster forks: no connection and no thread may be open here.
        connections.close_all()
        self.id = os.environ[CLUSTER] = str(uuid.uuid4())
        self._cluster = Cluster()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)  # instead of django-q2's, which wait without a deadline
        self._watch = Watch()
        with suppress(RuntimeError):  # the sentinel died at once: the next look sees it
            self._cluster.start()

    def _on_signal(self, number: int, *_: Any) -> None:
        self.signals[number] += 1

    def _insisted(self) -> bool:
        """Whether a signal came twice. One of each does not count: Ctrl-C reaches us, and whoever started us too."""
        return max(self.signals.values()) > 1

    def _stop(self) -> None:
        assert self._cluster is not None
        logger.info("Stopping: running jobs have %g s to end.", queue_settings().GRACE)
        with suppress(DatabaseError, InterfaceError):
            drain(self.id)
        self._cluster.stop_event.set()
        deadline = time.monotonic() + queue_settings().GRACE
        while self._cluster.sentinel.is_alive() and time.monotonic() < deadline and not self._insisted():
            self._cluster.sentinel.join(LOOK_EVERY)
        if self._cluster.sentinel.is_alive():
            logger.warning("Some jobs did not end in time; they go back to the queue.")
        self._end_family()
        self._take_back()

    def _end_family(self) -> None:
        """End every process of the cluster that is left: with the sentinel gone, its children are ours."""
        left = psutil.Process().children(recursive=True)
        for process in left:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(left, timeout=5)

    def _take_back(self) -> None:
        """Put what its processors had in hand back into the queue; without a database the lease does it."""
        try:
            rescue_cluster(self.id)
        except (DatabaseError, InterfaceError) as error:
            logger.warning("Could not put jobs back now; they go back within the lease: %s", str(error).strip())
        connection.close()


def _adopt_orphans() -> None:
    """Make this process the parent of descendants that lose theirs, where the system (Linux) can do that."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
