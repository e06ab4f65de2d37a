"""Processors and a clock around the scheduler: discrete events, no waiting. What would happen, exactly."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum

from .scheduler import FlowState, QueuedJob, Scheduler, TurnState

HEARTBEAT = 0.5
"""Seconds between charges of a job that outruns its declaration; the site has a setting for it."""


@dataclass(frozen=True)
class Arrival:
    """A job that is submitted at a moment (seconds). `actual`: the processor seconds that it will really take."""

    at: float
    flow: Hashable
    expected: float
    actual: float
    weight: float = 1.0
    cap: int | None = None


@dataclass(frozen=True)
class Run:
    """One job that ran: when it was submitted, started and ended; `index` is its arrival's, counting from 0."""

    index: int
    flow: Hashable
    submitted: float
    started: float
    ended: float


class _Kind(IntEnum):
    """Of events at one moment, the first in this list goes first."""

    ENDED = 0
    OUTRUN = 1
    BEAT = 2
    ARRIVED = 3


@dataclass(eq=False)
class _Processor:
    """`number`: its own among those that take turns; `actual`: the seconds that its current job really takes."""

    number: int | None
    turn: TurnState | None = None
    todo: list[QueuedJob] = field(default_factory=list)
    done: list[tuple[QueuedJob, float]] = field(default_factory=list)
    current: QueuedJob | None = None
    started: float = 0.0
    actual: float = 0.0


class Simulation:
    """Runs what waits in the scheduler's flows and `arrivals`, these in the order of submission, on `processors`.

    Tasks that are there from the start take what they declared. Arrivals get their places from `first` on: let it
    be above all places that are taken. `between` is called after every event, when no processor is idle that need
    not be.
    """

    def __init__(
        self,
        arrivals: Iterable[Arrival],
        processors: int,
        scheduler: Scheduler | None = None,
        heartbeat: float = HEARTBEAT,
        between: Callable[[Simulation], None] | None = None,
        first: int = 0,
    ) -> None:
        self.scheduler = scheduler or Scheduler()
        self.now = 0.0
        self.arrivals = dict(enumerate(arrivals, first))
        self.processors = [_Processor(number) for number in range(processors)]
        self._idle = list(range(processors))
        self.heartbeat = heartbeat
        self.between = between
        self._pushed = 0
        self._events: list[tuple[float, _Kind, int, _Processor | None, QueuedJob | None]] = []
        for place, arrival in self.arrivals.items():
            self._push(arrival.at, _Kind.ARRIVED, QueuedJob(place, arrival.expected))

    def resume(self, turn: TurnState, elapsed: float, *, last: bool = False) -> None:
        """Begin with a processor in the middle of a turn, whose first job has run for `elapsed` seconds.

        Where it is the processor's `last`, it is one more than those that take turns.
        """
        if last:
            self.processors.append(_Processor(None))
        self._take(self.processors[-1 if last else heapq.heappop(self._idle)], turn, elapsed)

    def run(self) -> Iterator[Run]:
        """Every job, in the order in which they end."""
        self._fill()
        while self._events:
            self.now, kind, _, processor, job = heapq.heappop(self._events)
            assert job is not None
            if kind is _Kind.ARRIVED:
                self._arrive(job)
            elif processor is not None and processor.current is job:
                if kind is _Kind.ENDED:
                    yield self._end(processor, job)
                else:
                    self._outrun(processor, job)
            if self._events and self._events[0][0] == self.now and self._events[0][1] is _Kind.ARRIVED:
                continue  # jobs that arrive at one moment are all there before any of them is claimed
            self._fill()
            if self.between is not None:
                self.between(self)

    def serving(self) -> list[tuple[FlowState, QueuedJob, float]]:
        """Who is served now: flow, job, and since when."""
        return [(p.turn.flow, p.current, p.started) for p in self.processors if p.turn and p.current]

    def _arrive(self, job: QueuedJob) -> None:
        arrival = self.arrivals[job.place]
        self.scheduler.submit(self.scheduler.flow(arrival.flow, arrival.weight, arrival.cap), [job])

    def _end(self, processor: _Processor, job: QueuedJob) -> Run:
        assert processor.turn is not None
        arrival = self.arrivals.get(job.place)
        processor.done.append((job, processor.actual))
        processor.current = None
        submitted = 0.0 if arrival is None else arrival.at
        run = Run(job.place, processor.turn.flow.key, submitted, processor.started, self.now)
        if processor.todo:
            self._start(processor)
        else:
            self.scheduler.settle(processor.turn, processor.done)
            processor.turn, processor.done = None, []
            if processor.number is not None:
                heapq.heappush(self._idle, processor.number)
        return run

    def _outrun(self, processor: _Processor, job: QueuedJob) -> None:
        """The job runs for the quantum, or for another heartbeat: settle what is done, charge what runs."""
        assert processor.turn is not None
        elapsed = self.now - processor.started
        if processor.todo or processor.done:
            self.scheduler.settle(processor.turn, processor.done, job, elapsed)
            processor.todo, processor.done = [], []
        else:
            self.scheduler.heartbeat(processor.turn, elapsed)
        # The next beat that will find something to charge: while the job keeps to its declaration, none does.
        beats = max(math.floor((processor.turn.charged - elapsed) / self.heartbeat) + 1, 1)
        self._push(self.now + beats * self.heartbeat, _Kind.BEAT, job, processor)

    def _fill(self) -> None:
        """Give every idle processor a turn, while any flow is ready."""
        while self._idle and (turn := self.scheduler.claim()) is not None:
            self._take(self.processors[heapq.heappop(self._idle)], turn)

    def _take(self, processor: _Processor, turn: TurnState, elapsed: float = 0.0) -> None:
        processor.turn, processor.todo = turn, list(turn.jobs)
        self._start(processor, elapsed)

    def _start(self, processor: _Processor, elapsed: float = 0.0) -> None:
        """Start the next job of its turn, or go on with it after `elapsed` seconds."""
        job = processor.current = processor.todo.pop(0)
        arrival = self.arrivals.get(job.place)
        processor.actual = max(job.expected if arrival is None else arrival.actual, elapsed)
        processor.started = self.now - elapsed
        self._push(self.now + (processor.actual - elapsed), _Kind.ENDED, job, processor)
        if processor.actual > self.scheduler.quantum:
            self._push(self.now + max(self.scheduler.quantum - elapsed, 0.0), _Kind.OUTRUN, job, processor)

    def _push(self, at: float, kind: _Kind, job: QueuedJob, processor: _Processor | None = None) -> None:
        self._pushed += 1
        heapq.heappush(self._events, (at, kind, self._pushed, processor, job))
