"""The heart of a processor: a thread that shows it is alive, while the main thread works."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from typing import cast

from django.db import DatabaseError, InterfaceError, connection

from ..conf import queue_settings
from ..errors import JobCancelled, JobStopped, TimeLimitReached
from ..lifecycle.announce import announcer
from ..lifecycle.claim import take_turn
from ..lifecycle.heartbeat import heartbeat, register
from ..lifecycle.settle import settle_part
from ..models import Processor
from .hand import Hand
from .outcomes import stopped_outcome

STOP_SIGNAL = signal.SIGUSR1
"""Brings the main thread, where it is in a task's code, to raise the reason to stop."""

TICK = 0.1
"""Seconds between two looks at the present job, at the most. An idle process wakes up as often."""

logger = logging.getLogger(__name__)


class Heart(threading.Thread):
    """Beats every TICK: looks whether the present job outruns it, sends announcements that are due, and gives
    the database a sign of life every HEARTBEAT seconds at work, and a quarter of the lease between turns."""

    def __init__(self, hand: Hand, cluster: str) -> None:
        super().__init__(name="heart", daemon=True)
        self.hand = hand
        self.cluster = cluster
        self._beaten_at = time.monotonic()

    def run(self) -> None:
        """Beat until the process ends. What the database refuses is tried again at the next beat."""
        while True:
            announcer.wait(TICK)
            try:
                announcer.send_due()
                self._beat()
            except (DatabaseError, InterfaceError) as error:
                logger.warning("No sign of life could be given: %s", str(error).strip())
                connection.close()
                time.sleep(queue_settings().HEARTBEAT)

    def _beat(self) -> None:
        """One beat, under the lock: the main thread does not settle the same turn meanwhile."""
        now = time.monotonic()
        with self.hand.lock:
            hand = self.hand
            if hand.current is not None and now - hand.started >= queue_settings().QUANTUM:
                if hand.todo or hand.done:
                    self._part(now)
                if now - self._beaten_at >= queue_settings().HEARTBEAT:
                    self._at_work(now)
                if hand.limit is not None and now - hand.started >= hand.limit:
                    self._ask(now, TimeLimitReached)
                self._insist(now)
            elif hand.turn is None and now - self._beaten_at >= queue_settings().LEASE / 4:
                self._between_turns(now)

    def _part(self, now: float) -> None:
        """The present job outruns the quantum: what is done is recorded, what is not started goes back."""
        hand = self.hand
        assert hand.current is not None
        assert hand.turn is not None
        elapsed = now - hand.started
        settle_part(hand.processor, hand.turn, hand.done, keep=hand.current.id, elapsed=elapsed, now=now)
        announcer.add({outcome.owner for outcome in hand.done} | {job.owner for job in hand.todo}, bool(hand.todo))
        hand.done, self._beaten_at = [], now
        hand.todo.clear()

    def _at_work(self, now: float) -> None:
        hand = self.hand
        assert hand.handle is not None
        elapsed, handle = now - hand.started, hand.handle
        stop = heartbeat(hand.processor, hand.turn, elapsed=elapsed, progress=handle.fraction, message=handle.message)
        self._beaten_at = now
        if stop:
            handle.cancelled = True
            self._ask(now, JobCancelled)
        elif stop is None:
            logger.warning("This processor was thought dead; what it does for job %s is dropped.", handle.job_id)

    def _ask(self, now: float, why: type[JobStopped]) -> None:
        """The present job is to stop. A cancelled one, whose handle says so, has a third of the grace first."""
        hand = self.hand
        if hand.asked is None:
            hand.stopping = why
            hand.asked = now + (queue_settings().STOP_GRACE / 3 if why is JobCancelled else 0.0)

    def _insist(self, now: float) -> None:
        """Raise the reason inside the task; where that does not help, end the process."""
        hand = self.hand
        if hand.asked is None or now < hand.asked:
            return
        if now >= hand.asked + queue_settings().STOP_GRACE:
            self._end_process(now)
        # To the main thread itself: elsewhere it would not wake it from a system call.
        signal.pthread_kill(cast(int, threading.main_thread().ident), STOP_SIGNAL)

    def _end_process(self, now: float) -> None:
        """The job that will not stop is recorded, it alone, and its process ends; the cluster starts another."""
        hand = self.hand
        assert hand.current is not None
        assert hand.handle is not None
        assert hand.stopping is not None
        logger.warning("Job %s will not stop: ending its process.", hand.handle.job_id)
        outcome = stopped_outcome(hand.current, hand.handle, hand.started, hand.stopping())
        take_turn(hand.processor, hand.turn or 0, [*hand.done, outcome], now=now, more=False)
        announcer.add({outcome.owner, *(done.owner for done in hand.done)}, work=True)
        Processor.objects.filter(pk=hand.processor, jobs=[]).delete()
        os.kill(os.getpid(), signal.SIGKILL)

    def _between_turns(self, now: float) -> None:
        """A sign of life; a processor that was thought dead, and forgotten, comes back as a new one."""
        if heartbeat(self.hand.processor, None) is None:
            self.hand.processor = register(self.cluster).pk
        self._beaten_at = now
