"""Processors and a clock around the shards. It goes from event to event and never waits."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from itertools import groupby

from bench.shards.loads import Job, Load
from bench.shards.ways import Claim, Way


@dataclass(frozen=True)
class Run:
    """A job that was started, with the moments of its start and end."""

    job: Job
    started: float
    ended: float


class Simulation:
    """A load on so many processors, which belong to the hosts of the way, evenly."""

    def __init__(self, way: Way, load: Load, processors: int) -> None:
        self.way, self.load = way, load
        self.runs: list[Run] = []
        self._idle = [processors // way.hosts] * way.hosts
        self._events: list[tuple[float, int, int, Claim | None]] = []
        self._pushed = 0
        for host in range(way.hosts if way.every else 0):
            self._push(way.every * host / way.hosts, host, None)

    def run(self) -> list[Run]:
        """Return every job that was started before the load's end, in the order of the starts."""
        place = 0
        for at, jobs in groupby(self.load.jobs, key=lambda job: job.at):
            self._go_on(until=at)
            woken: set[int] = set()
            for job in jobs:  # all jobs of one moment arrive before any of them is claimed
                woken.update(self.way.submit(job, place))
                place += 1
            for host in sorted(woken):
                self._fill(at, host)
        self._go_on(until=self.load.until)
        return self.runs

    def _go_on(self, until: float) -> None:
        while self._events and self._events[0][0] < until:
            now, _, host, claim = heapq.heappop(self._events)
            if claim is not None:
                self.way.settle(claim)
                self._idle[host] += 1
            elif now < self.load.until:
                self.way.look(host)
                self._push(now + self.way.every, host, None)
            self._fill(now, host)

    def _fill(self, now: float, host: int) -> None:
        """Give the idle processors of a host turns."""
        while self._idle[host] and (claim := self.way.claim(host)) is not None:
            self._idle[host] -= 1
            (queued,) = claim[1].jobs
            self.runs.append(Run(self.load.jobs[queued.number], now, now + queued.declared))
            self._push(now + queued.declared, host, claim)

    def _push(self, at: float, host: int, claim: Claim | None) -> None:
        self._pushed += 1
        heapq.heappush(self._events, (at, self._pushed, host, claim))
