"""Processes that claim and settle turns by `queueapp.lifecycle.turn.take_turn`, without django-q2 and without tasks.

One more process submits as many jobs as were done, so that the depth of the backlog stays the same. Another one raises
the order start, vacuums and counts in totals, as a broker does.
"""

from __future__ import annotations

import multiprocessing
import time
from itertools import count
from types import TracebackType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from queueapp.lifecycle.outcome import JobOutcome
    from queueapp.lifecycle.turn import Turn

CLAIMERS = 4
FED_AT_ONCE = 500
NOTHING_THERE = 0.002
"""Seconds between two looks while there is nothing to do."""


def succeeded(turn: Turn) -> list[JobOutcome]:
    """Return outcomes of a turn in which every job succeeded now, in the time that it declared."""
    from queueapp.lifecycle.outcome import JobOutcome
    from queueapp.states import Status

    now = time.monotonic()
    return [JobOutcome(job.id, job.owner, Status.SUCCEEDED, job.attempt, job.duration, now) for job in turn.jobs]


_context = multiprocessing.get_context("fork")


class Claimers:
    """The processes, as a context manager: started on entry, ended on exit.

    `feed`: the owners whose new jobs replace those done, one owner after the other; none: nothing is submitted.
    """

    def __init__(self, feed: list[Any] | None = None, declared: float = 0.0, claimers: int = CLAIMERS) -> None:
        self._stop = _context.Event()
        self._done: Any = _context.Array("q", claimers, lock=False)
        self._processes = [_context.Process(target=self._claim, args=(n,), daemon=True) for n in range(claimers)]
        if feed:
            self._processes.append(_context.Process(target=self._feed, args=(feed, declared), daemon=True))
        self._processes.append(_context.Process(target=self._tidy, daemon=True))

    def __enter__(self) -> Claimers:
        from django.db import connections

        connections.close_all()  # children must not share a connection
        for process in self._processes:
            process.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop.set()
        for process in self._processes:
            process.join(10)
            process.kill()

    def done(self) -> int:
        """Return the number of jobs that have been claimed and settled."""
        return sum(self._done)

    def rate(self, seconds: float) -> float:
        """Measure for `seconds` and return the jobs per second. Raises RuntimeError if a process has ended."""
        begun, before = time.monotonic(), self.done()
        time.sleep(seconds)
        rate = (self.done() - before) / (time.monotonic() - begun)
        if not all(process.is_alive() for process in self._processes):
            raise RuntimeError("A process ended by itself; what it said is above.")
        return rate

    def _claim(self, number: int) -> None:
        from queueapp.lifecycle.processors import register
        from queueapp.lifecycle.turn import take_turn

        processor = register("bench").pk
        turn = take_turn(processor)
        while True:
            outcomes = succeeded(turn)
            stop = self._stop.is_set()
            turn = take_turn(processor, turn.number, outcomes or None, now=time.monotonic(), more=not stop)
            self._done[number] += len(outcomes)
            if stop:
                break
            if not turn.jobs:
                time.sleep(NOTHING_THERE)

    def _tidy(self) -> None:
        """Raise the order start, vacuum and count in totals when due, as a broker does."""
        from queueapp.lifecycle.maintenance.totals import count_ended
        from queueapp.lifecycle.maintenance.vacuum import Tidying
        from queueapp.workers.broker import COUNT_EVERY, POLL_SECONDS

        tidying, counting_at = Tidying(), 0.0
        while not self._stop.wait(max(min(tidying.due, counting_at) - time.monotonic(), 0.0)):
            if time.monotonic() >= tidying.due:
                tidying.tidy()
            if time.monotonic() >= counting_at:
                counting_at = time.monotonic() + (POLL_SECONDS if count_ended() else COUNT_EVERY)

    def _feed(self, users: list[Any], declared: float) -> None:
        from queueapp.lifecycle.submit import submit
        from queueapp.lifecycle.validation import Submission

        fed = 0
        at_once = min(FED_AT_ONCE, max(len(users), 100))
        for number in count():
            while self.done() - fed < at_once:
                if self._stop.wait(NOTHING_THERE):
                    return
            names = range(fed, fed + at_once)
            jobs = [Submission(job_id=f"fed-{name}", duration=declared, task="bench.nothing") for name in names]
            submit(users[number % len(users)], jobs)
            fed += at_once
