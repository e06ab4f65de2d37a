"""Processors and a clock around the scheduler: discrete events, no waiting. What would happen, exactly."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum

from .scheduler import FlowState, Scheduler, Task, TurnState

HEARTBEAT = 0.5


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
    turn: TurnState | None = None
    todo: list[Task] = field(default_factory=list)
    done: list[tuple[Task, float]] = field(default_factory=list)
    current: Task | None = None
    started: float = 0.0


class Simulation:
    """Runs arrivals, given in the order of submission, on `processors` processors.

    `between` is called after every event, when no processor is idle that need not be.
    """

    def __init__(
        self,
        arrivals: Iterable[Arrival],
        processors: int,
        scheduler: Scheduler | None = None,
        heartbeat: float = HEARTBEAT,
        between: Callable[[Simulation], None] | None = None,
    ) -> None:
        self.scheduler = scheduler or Scheduler()
        self.now = 0.0
        self.arrivals = list(arrivals)
        self.processors = [_Processor() for _ in range(processors)]
        self.heartbeat = heartbeat
        self.between = between
        self._pushed = 0
        self._events: list[tuple[float, _Kind, int, _Processor | None, Task | None]] = []
        for index, arrival in enumerate(self.arrivals):
            self._push(arrival.at, _Kind.ARRIVED, Task(index, arrival.expected))

    def run(self) -> Iterator[Run]:
        """Every job, in the order in which they end."""
        while self._events:
            self.now, kind, _, processor, task = heapq.heappop(self._events)
            assert task is not None
            if kind is _Kind.ARRIVED:
                self._arrive(task)
            elif processor is not None and processor.current is task:
                if kind is _Kind.ENDED:
                    yield self._end(processor, task)
                else:
                    self._outrun(processor, task)
            if self._events and self._events[0][0] == self.now and self._events[0][1] is _Kind.ARRIVED:
                continue  # jobs that arrive at one moment are all there before any of them is claimed
            self._fill()
            if self.between is not None:
                self.between(self)

    def serving(self) -> list[tuple[FlowState, Task, float]]:
        """Who is served now: flow, task, and since when."""
        return [(p.turn.flow, p.current, p.started) for p in self.processors if p.turn and p.current]

    def _arrive(self, task: Task) -> None:
        arrival = self.arrivals[task.place]
        self.scheduler.submit(self.scheduler.flow(arrival.flow, arrival.weight, arrival.cap), [task])

    def _end(self, processor: _Processor, task: Task) -> Run:
        assert processor.turn is not None
        arrival = self.arrivals[task.place]
        processor.done.append((task, arrival.actual))
        processor.current = None
        run = Run(task.place, arrival.flow, arrival.at, processor.started, self.now)
        if processor.todo:
            self._start(processor)
        else:
            self.scheduler.settle(processor.turn, processor.done)
            processor.turn, processor.done = None, []
        return run

    def _outrun(self, processor: _Processor, task: Task) -> None:
        """The task runs for the quantum, or for another heartbeat: settle what is done, charge what runs."""
        assert processor.turn is not None
        elapsed = self.now - processor.started
        if processor.todo or processor.done:
            self.scheduler.settle(processor.turn, processor.done, task, elapsed)
            processor.todo, processor.done = [], []
        else:
            self.scheduler.heartbeat(processor.turn, elapsed)
        # The next beat that will find something to charge: while the job keeps to its declaration, none does.
        beats = max(math.floor((processor.turn.charged - elapsed) / self.heartbeat) + 1, 1)
        self._push(self.now + beats * self.heartbeat, _Kind.BEAT, task, processor)

    def _fill(self) -> None:
        """Give every idle processor a turn, while any flow is ready."""
        for processor in self.processors:
            if processor.turn is None:
                processor.turn = self.scheduler.claim()
                if processor.turn is None:
                    return
                processor.todo = list(processor.turn.tasks)
                self._start(processor)

    def _start(self, processor: _Processor) -> None:
        task = processor.current = processor.todo.pop(0)
        processor.started = self.now
        actual = self.arrivals[task.place].actual
        self._push(self.now + actual, _Kind.ENDED, task, processor)
        if actual > self.scheduler.quantum:
            self._push(self.now + self.scheduler.quantum, _Kind.OUTRUN, task, processor)

    def _push(self, at: float, kind: _Kind, task: Task, processor: _Processor | None = None) -> None:
        self._pushed += 1
        heapq.heappush(self._events, (at, kind, self._pushed, processor, task))
