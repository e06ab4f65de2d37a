"""What a processor has in hand: the turn it is in, seen by the thread that works and by the heart that beats for it."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass, field

from ..errors import JobStopped
from ..lifecycle.claim import ClaimedJob, Turn
from ..lifecycle.settle import JobOutcome
from ..registry import Handle, find_task


@dataclass
class Hand:
    """The state of one processor process. Every access is under `lock`; times are by time.monotonic.

    `limit`: seconds that the present job may take. `asked`: when it was first asked to stop, and `stopping` why.
    `in_task`: the main thread is inside the task's code, where JobStopped may be raised (only it writes that).
    """

    processor: int
    lock: threading.Lock = field(default_factory=threading.Lock)
    turn: int | None = None
    todo: deque[ClaimedJob] = field(default_factory=deque)
    done: list[JobOutcome] = field(default_factory=list)
    current: ClaimedJob | None = None
    handle: Handle | None = None
    started: float = 0.0
    limit: float | None = None
    asked: float | None = None
    stopping: type[JobStopped] | None = None
    in_task: bool = False

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
            task = find_task(self.current.task)
            self.limit = self.current.limit or (task.time_limit if task is not None else None)
            self.asked = self.stopping = None
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
