"""One client's stream: what it is still to be sent, bounded however slowly it reads."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator

from . import sse
from .access import StreamAccess
from .queries import EncodedCompletion

MOST_COMPLETIONS = 1_000
KEEP_ALIVE_SECONDS = 15.0
RETRY_MILLISECONDS = 1_000


class Stream:
    """Of queue and progress only the latest is kept; of completions each, up to a bound.

    All data come as bytes, as sse.data() has them: the same for all streams of a user. `cursor` is the number of the
    last completion that was put in line: what did not fit is read again later. `reset`: it is not the number that the
    client asked for, which is ahead of all; the client is told so with the first queue. `behind`: whether a completion
    did not fit.
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
        """Put a queue in line, instead of an older one that was not sent yet."""
        self._queue, self._progress = data, None
        self._something.set()

    def offer_progress(self, data: bytes) -> None:
        """Put progress in line, instead of older progress that was not sent yet."""
        self._progress = data
        self._something.set()

    @property
    def full(self) -> bool:
        """Whether there is no room for a completion: its client does not read."""
        return len(self._completions) >= MOST_COMPLETIONS

    def offer_completion(self, completion: EncodedCompletion) -> None:
        """Put a completion in line, unless it was before or there is no room; the cursor tells which."""
        if completion.number <= self.cursor:
            return
        self.behind = self.full
        if not self.full:
            self._completions.append(completion)
            self.cursor = completion.number
            self._something.set()

    def restart(self, cursor: int) -> None:
        """Go on from this number, as the client's is ahead of all; the next queue tells it so."""
        self._completions.clear()
        self.cursor = self._reset = cursor
        self.behind = False

    def end(self) -> None:
        """Send nothing more, and end."""
        self._over = True
        self._something.set()

    async def events(self) -> AsyncIterator[bytes]:
        """The stream's bytes, for as long as somebody reads them and may."""
        yield sse.retry(RETRY_MILLISECONDS)
        while not self._over:
            try:
                # Not wait_for(): up to Python 3.11 it drops a cancellation that comes together with an event, and the
                # stream of a client that has gone would stay open for ever.
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
        """Everything in line: the queue first, so that a completion finds the job gone from it."""
        parts = []
        if self._queue is not None and self._reset is not None:
            parts.append(sse.event("reset", self._queue, self._reset))
            self._reset = None
        elif self._queue is not None:
            parts.append(sse.event("queue", self._queue))
        if self._progress is not None:
            parts.append(sse.event("progress", self._progress))
        parts += [sse.event("completed", done.data, done.number) for done in self._completions]
        self._queue, self._progress = None, None
        self._completions.clear()
        return parts
