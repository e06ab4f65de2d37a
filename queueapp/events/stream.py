"""One client's stream: the events not sent yet, bounded however slowly the client reads."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator

from .. import tracing
from . import sse
from .access import StreamAccess
from .queries import EncodedCompletion

MAX_COMPLETIONS = 1_000
KEEP_ALIVE_SECONDS = 15.0
RETRY_MILLISECONDS = 1_000


class Stream:
    """The latest queue and progress, and every completion up to MAX_COMPLETIONS, until they are sent.

    All data are bytes from sse.data(), the same for all streams of a user. `cursor` is the number of the last
    completion in line; completions that did not fit are read again later. `reset`: the client asked for a number that
    is ahead of all, and `cursor` replaces it; the first queue tells the client so. `behind`: whether a completion did
    not fit.
    """

    def __init__(self, admitted: StreamAccess, cursor: int, *, reset: bool = False) -> None:
        self.admitted = admitted
        self.owner = admitted.owner
        self.cursor = cursor
        self.behind = False
        self._reset = cursor if reset else None
        self._over = False
        self._queue: bytes | None = None
        self._progress: bytes | None = None
        self._completions: deque[EncodedCompletion] = deque()
        self._something = asyncio.Event()

    def offer_queue(self, data: bytes) -> None:
        """Put a queue in line. It replaces a queue and progress that were not sent yet."""
        self._queue, self._progress = data, None
        self._something.set()

    def offer_progress(self, data: bytes) -> None:
        """Put progress in line. It replaces progress that was not sent yet."""
        self._progress = data
        self._something.set()

    @property
    def full(self) -> bool:
        """Whether there is no room for a completion because the client does not read."""
        return len(self._completions) >= MAX_COMPLETIONS

    def offer_completion(self, completion: EncodedCompletion) -> None:
        """Put a completion in line and move the cursor to it, unless it was in line before or there is no room."""
        if completion.number <= self.cursor:
            return
        self.behind = self.full
        if not self.full:
            self._completions.append(completion)
            self.cursor = completion.number
            self._something.set()

    def restart(self, cursor: int) -> None:
        """Go on after this number, as the client's is ahead of all. The next queue tells the client so."""
        self._completions.clear()
        self.cursor = self._reset = cursor
        self.behind = False

    def end(self) -> None:
        """Send nothing more, and end."""
        self._over = True
        self._something.set()

    async def events(self) -> AsyncIterator[bytes]:
        """Yield the stream's bytes until the client leaves or end() is called."""
        yield sse.retry(RETRY_MILLISECONDS)
        while not self._over:
            try:
                # Not wait_for(): up to Python 3.11 it drops a cancellation that comes together with an event. The
                # stream of a client that has left would then stay open for ever.
                async with asyncio.timeout(KEEP_ALIVE_SECONDS):
                    await self._something.wait()
            except TimeoutError:
                yield sse.KEEP_ALIVE
                continue
            self._something.clear()
            for part in self._take():
                if not self._over:
                    yield part

    def _take(self) -> list[bytes]:
        """Return everything in line, the queue first, so that a completion finds the job gone from it."""
        parts = []
        if self._queue is not None and self._reset is not None:
            parts.append(sse.event("reset", self._queue, self._reset))
            self._reset = None
        elif self._queue is not None:
            parts.append(sse.event("queue", self._queue))
        if self._progress is not None:
            parts.append(sse.event("progress", self._progress))
        for done in self._completions:
            parts.append(sse.event("completed", done.data, done.number))
            tracing.delivered(done.trace)
        self._queue, self._progress = None, None
        self._completions.clear()
        return parts
