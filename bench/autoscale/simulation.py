"""A fleet whose number of processors changes, in simulated time, with the product's own fair order."""

from __future__ import annotations

import heapq
import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count

from queueapp.policy.autoscale import START_SECONDS, Demand, horizon
from queueapp.policy.rules import DEFAULT_TERMS, Terms
from queueapp.policy.scheduler import QueuedJob, Scheduler, TurnState

TICK = 1.0
"""Seconds between two decisions at the shortest."""


@dataclass(frozen=True)
class Arrival:
    """A job that is submitted at the moment `at`, in seconds, and takes `seconds`, as it declares."""

    at: float
    flow: str
    seconds: float
    terms: Terms = DEFAULT_TERMS


@dataclass
class Outcome:
    """What a way to decide has cost and brought. `waits`: of jobs whose flow has no cap, which no fleet can help.

    `sizes`: processors at each TICK, those that are starting included.
    """

    waits: list[float] = field(default_factory=list)
    processor_seconds: float = 0.0
    changes: int = 0
    most: int = 0
    sizes: list[int] = field(default_factory=list)


class Fleet:
    """The fleet in the middle of a load. It starts processors after START_SECONDS, and ends them only while idle."""

    def __init__(self, arrivals: Sequence[Arrival], target: float, wished: int) -> None:
        self.now = 0.0
        self.target = target
        self.wished = self.idle = wished
        self.outcome = Outcome()
        self._arrivals = arrivals
        self._next = 0
        self._scheduler = Scheduler(quantum=1e-9, most=1)
        self._queued_at: dict[int, float] = {}
        self._waiting: deque[int] = deque()
        self._running: list[tuple[float, int, TurnState, QueuedJob]] = []
        self._starting: list[float] = []
        self._numbers = count()

    @property
    def over(self) -> bool:
        """Whether all jobs have ended."""
        return self._next == len(self._arrivals) and not self._running and not self._queued_at

    @property
    def depth(self) -> int:
        """The number of queued jobs."""
        return len(self._queued_at)

    @property
    def busy(self) -> int:
        """The number of processors at work."""
        return len(self._running)

    @property
    def alive(self) -> int:
        """The number of processors that have started."""
        return self.idle + self.busy

    @property
    def size(self) -> int:
        """The number of processors that have started or are starting."""
        return self.alive + len(self._starting)

    @property
    def oldest_wait(self) -> float:
        """Seconds that the oldest queued job has waited."""
        while self._waiting and self._waiting[0] not in self._queued_at:
            self._waiting.popleft()
        return self.now - self._queued_at[self._waiting[0]] if self._waiting else 0.0

    def demand(self) -> Demand:
        """Return what lifecycle/autoscaler.py reads from the database."""
        queued = due = jobs = 0.0
        for flow in self._scheduler.flows.values():
            free = math.inf if flow.terms.cap is None else max(flow.terms.cap - flow.busy, 0)
            queued += min(sum(job.declared for job in flow.backlog), free * self.target if free else 0.0)
            due += min(sum(min(job.declared / horizon(self.target), 1.0) for job in flow.backlog), free)
            jobs += min(len(flow.backlog), free)
        running = sum(min((end - self.now) / self.target, 1.0) for end, *_ in self._running)
        return Demand(self.now, queued, due, int(jobs), running, self.busy)

    def run(self, until: float, wished: int) -> None:
        """Go on until a moment, with so many processors wished for."""
        self.outcome.changes += wished != self.wished
        self.wished = wished
        self.outcome.most = max(self.outcome.most, wished)
        for _ in range(wished - self.size):
            heapq.heappush(self._starting, self.now + START_SECONDS)
        self._retire()
        while True:
            moment = min(self._event(), until)
            self.outcome.processor_seconds += self.size * (moment - self.now)
            self.now = moment
            self._happen()
            if moment >= until:
                return

    def _event(self) -> float:
        arrival = self._arrivals[self._next].at if self._next < len(self._arrivals) else math.inf
        ended = self._running[0][0] if self._running else math.inf
        return min(arrival, ended, self._starting[0] if self._starting else math.inf)

    def _happen(self) -> None:
        while self._running and self._running[0][0] <= self.now:
            _, _, turn, job = heapq.heappop(self._running)
            self._scheduler.settle(turn, [(job, job.declared)])
            self.idle += 1
        while self._starting and self._starting[0] <= self.now:
            heapq.heappop(self._starting)
            self.idle += 1
        while self._next < len(self._arrivals) and self._arrivals[self._next].at <= self.now:
            self._arrive(self._arrivals[self._next])
        self._retire()
        while self.idle and (claimed := self._scheduler.claim()) is not None:
            (job,) = claimed.jobs
            self.idle -= 1
            wait = self.now - self._queued_at.pop(job.number)
            if claimed.flow.terms.cap is None:
                self.outcome.waits.append(wait)
            heapq.heappush(self._running, (self.now + job.declared, next(self._numbers), claimed, job))

    def _arrive(self, arrival: Arrival) -> None:
        self._queued_at[self._next] = arrival.at
        self._waiting.append(self._next)
        flow = self._scheduler.flow(arrival.flow, arrival.terms)
        self._scheduler.submit(flow, [QueuedJob(self._next, arrival.seconds)])
        self._next += 1

    def _retire(self) -> None:
        while self.size > self.wished and (self._starting or self.idle):
            if self._starting:
                self._starting.pop()
                heapq.heapify(self._starting)
            else:
                self.idle -= 1


Decide = Callable[[Fleet], int]
"""Returns the number of processors that there should be from now on. Called every TICK."""


def simulate(arrivals: Sequence[Arrival], target: float, decide: Decide, first: int) -> Outcome:
    """Return what came of a load, from `first` processors on."""
    fleet = Fleet(arrivals, target, first)
    while not fleet.over:
        fleet.run(fleet.now + TICK, decide(fleet))
        fleet.outcome.sizes.append(fleet.size)
    return fleet.outcome
