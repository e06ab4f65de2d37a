"""An exact simulation of processors and a clock around the scheduler. It goes from event to event and never waits."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum

from .rules import DEFAULT_TERMS, Terms
from .scheduler import TURN_QUANTA, FlowState, QueuedJob, Scheduler, TurnState

HEARTBEAT = 0.5
"""Default seconds between charges of a job that outruns its declaration. The site's are HEARTBEAT_SECONDS."""


@dataclass(frozen=True)
class Arrival:
    """A job that is submitted at the moment `at`, in seconds. `actual`: the processor seconds that it really takes."""

    at: float
    flow: Hashable
    declared: float
    actual: float
    terms: Terms = DEFAULT_TERMS


@dataclass(frozen=True)
class Run:
    """One job that ran, with the moments of its submission, start and end, in seconds.

    `index`: its number; arrivals are counted from the simulation's `first`. `submitted` is 0 for a job that waited from
    the beginning.
    """

    index: int
    flow: Hashable
    submitted: float
    started: float
    ended: float


class _Kind(IntEnum):
    """Kinds of events, in their order at one moment."""

    ENDED = 0
    OUTRUN = 1
    BEAT = 2
    ARRIVED = 3


@dataclass(eq=False)
class _Processor:
    """A processor. `number`: its index among those that take turns; None if its present turn is its last.

    `since`: the moment at which its turn began. `actual`: the seconds that its current job really takes.
    """

    number: int | None
    turn: TurnState | None = None
    todo: list[QueuedJob] = field(default_factory=list)
    done: list[tuple[QueuedJob, float]] = field(default_factory=list)
    current: QueuedJob | None = None
    since: float = 0.0
    started: float = 0.0
    actual: float = 0.0


class Simulation:
    """A run of the queued jobs of the scheduler's flows and of `arrivals` on so many processors.

    `arrivals` come in the order of submission. They get numbers from `first` on, which must be above all in use.
    Jobs queued at the start take what is expected of their flow's jobs. `between` is called after each event, once idle
    processors have claimed. If an arrival of the same moment is next, neither happens before it.
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
        for number, arrival in self.arrivals.items():
            self._push(arrival.at, _Kind.ARRIVED, QueuedJob(number, arrival.declared))

    def resume(self, turn: TurnState, elapsed: float, *, last: bool = False) -> None:
        """Begin with a processor in the middle of a turn, whose first job has run for `elapsed` seconds.

        `last`: the processor takes no further turn. It is then one more than those that take turns.
        """
        if last:
            self.processors.append(_Processor(None))
        self._take(self.processors[-1 if last else heapq.heappop(self._idle)], turn, elapsed)

    def run(self) -> Iterator[Run]:
        """Yield every job in the order in which they end."""
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
                continue  # all jobs of one moment arrive before any of them is claimed
            self._fill()
            if self.between is not None:
                self.between(self)

    def serving(self) -> list[tuple[FlowState, QueuedJob, float]]:
        """Return the running jobs: flow, job, and the moment of its start."""
        return [(p.turn.flow, p.current, p.started) for p in self.processors if p.turn and p.current]

    def _arrive(self, job: QueuedJob) -> None:
        arrival = self.arrivals[job.number]
        self.scheduler.submit(self.scheduler.flow(arrival.flow, arrival.terms), [job])

    def _end(self, processor: _Processor, job: QueuedJob) -> Run:
        assert processor.turn is not None
        arrival = self.arrivals.get(job.number)
        processor.done.append((job, processor.actual))
        processor.current = None
        submitted = 0.0 if arrival is None else arrival.at
        run = Run(job.number, processor.turn.flow.key, submitted, processor.started, self.now)
        if processor.todo:
            self._start(processor)
        else:
            self.scheduler.settle(processor.turn, processor.done)
            processor.turn, processor.done = None, []
            if processor.number is not None:
                heapq.heappush(self._idle, processor.number)
        return run

    def _outrun(self, processor: _Processor, job: QueuedJob) -> None:
        """When a job or its turn is late, and then at heartbeats: settle what ended, charge the job that runs."""
        assert processor.turn is not None
        elapsed = self.now - processor.started
        if processor.todo or processor.done:
            self.scheduler.settle(processor.turn, processor.done, job, elapsed)
            processor.todo, processor.done = [], []
        else:
            self.scheduler.heartbeat(processor.turn, elapsed)
        # Skip heartbeats that would find nothing to charge, while the job keeps to its declaration.
        beats = max(math.floor((processor.turn.charged - elapsed) / self.heartbeat) + 1, 1)
        self._push(self.now + beats * self.heartbeat, _Kind.BEAT, job, processor)

    def _fill(self) -> None:
        """Give idle processors turns while any flow is ready."""
        while self._idle and (turn := self.scheduler.claim()) is not None:
            self._take(self.processors[heapq.heappop(self._idle)], turn)

    def _take(self, processor: _Processor, turn: TurnState, elapsed: float = 0.0) -> None:
        processor.turn, processor.todo, processor.since = turn, list(turn.jobs), self.now - elapsed
        self._start(processor, elapsed)

    def _start(self, processor: _Processor, elapsed: float = 0.0) -> None:
        """Start the next job of the processor's turn, or go on with one that has run for `elapsed` seconds."""
        job = processor.current = processor.todo.pop(0)
        arrival = self.arrivals.get(job.number)
        assert processor.turn is not None
        flow = processor.turn.flow
        processor.actual = max(job.declared * flow.ratio if arrival is None else arrival.actual, elapsed)
        processor.started = self.now - elapsed
        self._push(self.now + (processor.actual - elapsed), _Kind.ENDED, job, processor)
        late = processor.started + self.scheduler.quantum
        if processor.todo:  # the turn may be late before this job is
            late = min(late, processor.since + TURN_QUANTA * self.scheduler.quantum)
        if processor.started + processor.actual > late:
            self._push(max(late, self.now), _Kind.OUTRUN, job, processor)

    def _push(self, at: float, kind: _Kind, job: QueuedJob, processor: _Processor | None = None) -> None:
        self._pushed += 1
        heapq.heappush(self._events, (at, kind, self._pushed, processor, job))
