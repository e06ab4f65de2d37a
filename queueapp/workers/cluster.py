"""A django-q2 cluster whose number of workers changes while it runs."""

from __future__ import annotations

import gc
import logging
import mmap
import time
import uuid
from contextlib import suppress
from multiprocessing import Event
from queue import Full
from typing import Any

from django_q.cluster import Cluster, Sentinel, get_mp_context

from ..conf import queue_settings
from . import worker
from .packet_queue import PacketQueue

logger = logging.getLogger(__name__)

GUARD_SECONDS = 0.2
"""Seconds between two looks of the sentinel at its processes."""
STOP_SECONDS = 0.05
"""Seconds between two looks at processes that are to end."""
RECYCLED = -2
"""The timer of a worker that has ended to be replaced; django-q2's."""


class Backoff:
    """Delays starts that fail again and again: 1 s after the second failure in a row, doubled up to MAX_SECONDS."""

    SHORT_SECONDS = 3.0
    """A process that lives longer has started well."""
    MAX_SECONDS = 30.0

    def __init__(self) -> None:
        self._failures = 0
        self._until = float("-inf")

    def fail(self, began: float) -> float:
        """Note that a process has died that began at this moment. Return the seconds until the next start."""
        now = time.monotonic()
        self._failures = self._failures + 1 if now - began < self.SHORT_SECONDS else 1
        delay = min(2.0 ** (self._failures - 2), self.MAX_SECONDS) if self._failures > 1 else 0.0
        self._until = now + delay
        return delay

    @property
    def waits(self) -> bool:
        """Whether the next start is still to be delayed."""
        return time.monotonic() < self._until


class Size:
    """The number of workers that there should be, and how many may end now. Shared by supervisor and sentinel.

    It has no file descriptor: a task that writes to all of its process's files does not change it.
    """

    def __init__(self, wanted: int) -> None:
        # Each number is written at once; struct.pack_into() would clear both before.
        self._shared = memoryview(mmap.mmap(-1, mmap.PAGESIZE)).cast("i")
        self.set(wanted, idle=0)

    @property
    def wanted(self) -> int:
        """The number of workers that there should be."""
        return self._shared[0]

    @property
    def idle(self) -> int:
        """The number of workers that were between turns lately: only so many are asked to end."""
        return self._shared[1]

    def set(self, wanted: int, idle: int) -> None:
        """Set both."""
        self._shared[0], self._shared[1] = wanted, idle


class ElasticSentinel(Sentinel):  # type: ignore[misc]  # django-q2 has no types
    """django-q2's supervisor of workers, pusher and monitor. It starts and ends workers as `size` says.

    A worker that is not needed takes "STOP" from the queue of tickets instead of a ticket, and ends. So it is idle.
    """

    def __init__(self, size: Size, pids: PacketQueue, *args: Any) -> None:
        self._size, self._pids = size, pids
        self._told: list[int] = []
        self._stops = 0
        self._backoff = Backoff()
        super().__init__(*args)

    def start(self) -> None:
        """Start the processes, and supervise them until the cluster is to stop."""
        self.task_queue, self.result_queue = PacketQueue(few=True), PacketQueue()
        self.task_queue.call_when_idle(queue_settings().IDLE_SECONDS, worker.rest)
        gc.collect()
        gc.freeze()  # keeps memory shared with the workers: their collectors do not write to it
        super().start()

    def spawn_cluster(self) -> None:
        """Start the pusher, the monitor, and as many workers as there should be."""
        self.pool_size = self._size.wanted
        super().spawn_cluster()

    def spawn_worker(self) -> None:
        """Start a worker, and note when."""
        super().spawn_worker()
        self.pool[-1].began = time.monotonic()

    def guard(self) -> None:
        """Replace processes that have ended and follow the size, until the cluster is to stop."""
        self._tell_pids()
        self.start_event.set()
        while not self.stop_event.wait(GUARD_SECONDS):
            for process in [*self.pool, self.monitor, self.pusher]:
                if not process.is_alive():
                    self.reincarnate(process)
            self._follow_size()
            self._tell_pids()
        self.stop()

    def reincarnate(self, process: Any) -> None:
        """Replace a process that has ended. A worker is replaced by the next look at the size, if it is needed."""
        if process not in self.pool:
            super().reincarnate(process)
            return
        self.pool.remove(process)
        recycled = int(process.timer.value) == RECYCLED or process.exitcode == worker.RESTED
        if process.exitcode == 0 and self._stops and not recycled:
            self._stops -= 1
        elif not recycled and (delay := self._backoff.fail(process.began)):
            code = process.exitcode
            logger.error("Processors die soon after they start (exit code %s); the next starts in %g s.", code, delay)

    def _follow_size(self) -> None:
        too_many = len(self.pool) - self._stops - self._size.wanted
        for _ in range(-too_many if not self._backoff.waits else 0):
            self.spawn_worker()
        if too_many > 0 and self._size.idle > self._stops:
            with suppress(Full):  # a ticket is on its way to an idle worker
                self.task_queue.put_nowait("STOP")
                self._stops += 1

    def stop(self) -> None:
        """Let the pusher end, then the workers, then the monitor.

        django-q2 puts one STOP for each worker, and waits for room. A worker that has ended meanwhile takes none.
        """
        self.event_out.set()
        while self.pusher.is_alive():
            time.sleep(STOP_SECONDS)
        while any(process.is_alive() for process in self.pool):
            with suppress(Full):
                for _ in self.pool:
                    self.task_queue.put_nowait("STOP")
            time.sleep(STOP_SECONDS)
        self.result_queue.put("STOP")
        self.monitor.join()

    def _tell_pids(self) -> None:
        pids = [process.pid for process in self.pool]
        if pids != self._told:
            with suppress(Full):  # the supervisor is busy: tell it next time
                self._pids.put_nowait(pids)
                self._told = pids


class ElasticCluster(Cluster):  # type: ignore[misc]  # django-q2 has no types
    """django-q2's cluster, with an ElasticSentinel."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        self._size = size
        self._pids = PacketQueue()
        self._workers: frozenset[int] = frozenset()

    @property
    def workers(self) -> frozenset[int]:
        """The process ids of the workers, as the sentinel told them last. One that ended is among them until then."""
        while not self._pids.empty():
            self._workers = frozenset(self._pids.get())
        return self._workers

    def start(self) -> int:
        """Start the sentinel, and wait until it guards. Raises RuntimeError if it ends before."""
        self.stop_event, self.start_event = Event(), Event()
        self.sentinel = get_mp_context().Process(
            target=ElasticSentinel, name=f"Process-{uuid.uuid4().hex}",
            args=(
                self._size, self._pids, self.stop_event, self.start_event, self.cluster_id, self.broker, self.timeout,
            ),
        )  # fmt: skip
        self.sentinel.start()
        while not self.start_event.wait(GUARD_SECONDS / 4):
            if not self.sentinel.is_alive():
                raise RuntimeError(f"The sentinel ended with exit code {self.sentinel.exitcode}.")
        pid: int = self.pid
        return pid
