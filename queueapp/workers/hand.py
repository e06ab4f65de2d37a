"""What a processor has in hand: the turn it is in, seen by the thread that works and by the heart that beats for it."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass, field

from ..lifecycle.claim import ClaimedJob, Turn
from ..lifecycle.settle import JobOutcome
from ..registry import Handle


@dataclass
class Hand:
    """The state of one processor process. Every access is under `lock`; times are by time.monotonic."""

    processor: int
    lock: threading.Lock = field(default_factory=threading.Lock)
    turn: int | None = None
    todo: deque[ClaimedJob] = field(default_factory=deque)
    done: list[JobOutcome] = field(default_factory=list)
    current: ClaimedJob | None = None
    handle: Handle | None = None
    started: float = 0.0

    def begin(self, turn: Turn) -> None:
        """Take a turn in hand."""
        with self.lock:
            self.turn = turn.number
            self.todo.extend(turn.jobs)

    def next_job(self) -> tuple[ClaimedJob, Handle] | None:
        """Start the next job of the turn; None: none is left, or the heart gave the rest back."""
        with self.lock:
            if not self.todo:
                return None
            self.current = self.todo.popleft()
            self.handle = Handle(self.current.name, self.current.duration, self.current.attempt)
            self.started = time.monotonic()
            return self.current, self.handle

    def finish(self, outcome: JobOutcome) -> None:
        """Note what came of the present job."""
        with self.lock:
            self.done.append(outcome)
            self.current = self.handle = None

    def end(self) -> list[JobOutcome]:
        """What came of the turn's jobs and was not settled yet; the turn is over."""
        with self.lock:
            outcomes, self.done, self.turn = self.done, [], None
            return outcomes
