"""Waits for the ends of jobs: of one by requests that the server answers at its end, of several by the event stream."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ._api import Api
from ._steps import Emit, Patience, Sleep, Steps, advance, attempt
from ._stream import SILENCE_WITH_JOBS, follow
from .errors import ApiError, NotAuthenticated, NotFound, RateLimited, TimedOut, Unavailable, Unreachable
from .shapes import Completed, Job, Queue, Reset

if TYPE_CHECKING:
    from ._operations import Operations  # which imports this module

ASK_EACH = 100
"""Up to so many jobs are asked for one by one, more of them by the list of all jobs."""
LONGEST_PAUSE = 5.0
"""Seconds between questions that are answered at once, at most."""
LONGEST_WAIT = 30
"""Seconds for which the server is asked to wait in one request: proxies cut what is silent for a minute."""
MAX_ERROR = 1_024
"""Characters after which events cut errors."""


class _Waiting:
    """Jobs that are waited for, and until when."""

    def __init__(self, operations: Operations, names: Sequence[str], timeout: float | None) -> None:
        self._operations = operations
        self.names = dict.fromkeys(names)
        self._timeout = math.inf if timeout is None else timeout
        self._until = time.monotonic() + self._timeout

    def left(self) -> float:
        """Return the seconds left. Raises TimedOut."""
        left = self._until - time.monotonic()
        if left <= 0:
            more = f" and {len(self.names) - 3:,} more" if len(self.names) > 3 else ""
            raise TimedOut(f"Not ended after {self._timeout:g} seconds: {', '.join(list(self.names)[:3])}{more}.")
        return left

    def look(self) -> Steps[None]:
        """Ask for the jobs, and emit those that have ended. Raises NotFound."""
        if len(self.names) > ASK_EACH:
            yield from self._look_at_list()
            return
        for name in list(self.names):
            job = yield from self._operations.get(name)
            if job.ended:
                yield from self.emit(job)

    def emit(self, job: Job) -> Steps[None]:
        """Emit this job, if it is waited for, whole."""
        if job.job_id not in self.names:
            return
        if job.result_omitted or job.payload_omitted or len(job.error) >= MAX_ERROR:
            job = yield from self._whole(job)
        del self.names[job.job_id]  # now: when none is left, no further step is taken
        yield Emit(job)

    def _whole(self, job: Job) -> Steps[Job]:
        try:
            whole = yield from self._operations.get(job.job_id)
        except NotFound:  # pruned meanwhile
            return job
        return whole if whole.finished_at == job.finished_at else job  # else: retried meanwhile

    def _look_at_list(self) -> Steps[None]:
        unseen = set(self.names)
        listed = self._operations.jobs(page_size=1_000).steps
        outcome: object = None
        while unseen:
            try:
                step = advance(listed, outcome)
            except StopIteration:
                raise NotFound(404, f"There is no job {sorted(unseen)[0]!r}.") from None
            if not isinstance(step, Emit):
                outcome = yield from attempt(step)
                continue
            outcome = None
            unseen.discard(step.item.job_id)
            if step.item.ended:
                yield from self.emit(step.item)
        listed.close()


def completions(operations: Operations, names: Sequence[str], timeout: float | None, *, streams: bool) -> Steps[None]:
    """Emit each of these jobs as it ends. `streams`: whether they are the user's own, which the stream tells of.

    Raises TimedOut, NotFound, and other ApiErrors that asking raises.
    """
    waiting = _Waiting(operations, names, timeout)
    if timeout is not None and timeout <= 0:
        yield from waiting.look()
    if len(waiting.names) == 1:
        steps = _by_long_poll(operations, waiting)
    else:
        steps = _by_stream(operations.api, waiting) if streams else _by_asking(waiting)
    yield from _bounded(steps, waiting)


def _bounded(steps: Steps[None], waiting: _Waiting) -> Steps[None]:
    """Take these steps for as long as jobs are waited for and there is time. Raises TimedOut."""
    outcome: object = None
    while waiting.names:
        left = waiting.left()
        try:
            step = advance(steps, outcome)
        except StopIteration:
            return
        if isinstance(step, Sleep):
            step = Sleep(min(step.seconds, left))
        outcome = yield from attempt(step)


def _by_long_poll(operations: Operations, waiting: _Waiting) -> Steps[None]:
    """Emit the only job once it has ended. A server that answers at once is asked again after growing pauses."""
    [name] = waiting.names
    yield from waiting.look()
    patience = Patience(math.inf, LONGEST_PAUSE)
    while waiting.names:
        seconds = int(min(LONGEST_WAIT, waiting.left()))
        asked = time.monotonic()
        try:
            job = yield from operations.ended(name, seconds)
        except (Unreachable, Unavailable, RateLimited) as passing:
            yield Sleep(patience.pause(getattr(passing, "retry_after", None)) or 0.0)
            continue
        if job.ended:
            yield from waiting.emit(job)
        elif 0 < seconds <= time.monotonic() - asked:
            patience = Patience(math.inf, LONGEST_PAUSE)
        else:
            yield Sleep(patience.pause() or 0.0)


def _by_asking(waiting: _Waiting) -> Steps[None]:
    pause = 0.25
    while True:
        yield from waiting.look()
        yield Sleep(pause)
        pause = min(pause * 1.5, LONGEST_PAUSE)


def _by_stream(api: Api, waiting: _Waiting) -> Steps[None]:
    """Emit jobs as the stream tells of them. Those that ended before it began are asked for once it has."""
    events = follow(api, None, min(SILENCE_WITH_JOBS, waiting.left()), 0.0)
    outcome: object = None
    begun = False
    while True:
        try:
            step = advance(events, outcome)
        except NotAuthenticated:
            raise
        except (ApiError, Unreachable):
            if begun:
                raise
            yield from _by_asking(waiting)
            return
        if not isinstance(step, Emit):
            outcome = yield from attempt(step)
            continue
        outcome = None
        if isinstance(step.item, Completed):
            yield from waiting.emit(step.item.job)
        elif isinstance(step.item, Reset) or (isinstance(step.item, Queue) and not begun):
            begun = True
            yield from waiting.look()
