"""One client's stream: the events not sent yet, bounded however slowly the client reads."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable

from .. import tracing
from . import sse
from .access import StreamAccess
from .gzip_body import GzipBody
from .queries import EncodedCompletion

MAX_COMPLETIONS = 1_000


def _nobody() -> None:
    """Nobody serves the stream yet."""


class Stream:
    """The latest queue, progress and estimates, and every completion up to MAX_COMPLETIONS, until they are taken.

    All data are bytes from sse.data(), the same for all streams of a user. `cursor` is the number of the last
    completion in line; completions that did not fit are read again later. `reset`: completions may be gone that the
    client has not seen; the first queue tells the client so. `behind`: whether a completion did not fit. `told_at`,
    `gist`: when it was offered the estimates last, and what of them may be news to idle users.

    A queue comes before all else, at first and after a restart: it has the number after which the client goes on, so
    it must not come after completions. A client that is cut off before its first completion comes back with that
    number. Until the queue is there completions are kept, and only comments are sent.

    `gzip`: the body, if the client takes it in gzip. All that is sent goes through encoded(), and ends with ending().

    `language`: that of the page that listens; "": the site's own.

    `wake` is called when there is something to take. An idle stream has no task and no timer.
    """

    __slots__ = (
        "_begun", "_completions", "_estimates", "_progress", "_queue", "_start",
        "access", "behind", "cursor", "gist", "gzip", "language", "over", "owner", "told_at", "wake",
    )  # fmt: skip

    def __init__(
        self, access: StreamAccess, cursor: int, *, reset: bool = False, gzip: bool = False, language: str = ""
    ) -> None:
        self.access = access
        self.language = language
        self.owner = access.owner
        self.cursor = cursor
        self.behind = False
        self.over = False
        self.told_at = 0.0
        self.gist: object = None
        self.wake: Callable[[], None] = _nobody
        self._start: tuple[str, int | None] = ("reset" if reset else "queue", cursor)
        self.gzip = GzipBody() if gzip else None
        self._begun = False
        self._queue: bytes | None = None
        self._progress: bytes | None = None
        self._estimates: bytes | None = None
        self._completions: deque[EncodedCompletion] | None = None

    def offer_queue(self, data: bytes) -> None:
        """Put a queue in line. It replaces a queue and progress that were not sent yet."""
        self._queue, self._progress = data, None
        self.wake()

    def offer_progress(self, data: bytes) -> None:
        """Put progress in line. It replaces progress that was not sent yet."""
        if self._begun:
            self._progress = data
            self.wake()

    def offer_estimates(self, event: bytes, gist: object, now: float) -> None:
        """Put the estimates in line, a whole event that all streams share. It replaces one that was not sent yet."""
        if self._begun or event is sse.KEEP_ALIVE:
            self._estimates, self.gist, self.told_at = event, gist, now
            self.wake()

    @property
    def full(self) -> bool:
        """Whether there is no room for a completion because the client does not read."""
        return self._completions is not None and len(self._completions) >= MAX_COMPLETIONS

    def offer_completion(self, completion: EncodedCompletion) -> None:
        """Put a completion in line and move the cursor to it, unless it was in line before or there is no room."""
        if completion.number <= self.cursor:
            return
        self.behind = self.full
        if self.behind:
            return
        if self._completions is None:
            self._completions = deque()
        self._completions.append(completion)
        self.cursor = completion.number
        self.wake()

    def restart(self, cursor: int) -> None:
        """Go on after this number, as the one it was told of is there no more. The next queue tells the client so."""
        self._completions = deque(done for done in self._completions or () if done.number <= cursor)
        self.cursor, self._start = cursor, ("reset", cursor)
        self.behind = self._begun = False

    def end(self) -> None:
        """Send nothing more, and end."""
        self.over = True
        self.wake()

    def take(self) -> bytes:
        """Return everything in line, the queue first, so that a completion finds the job gone from it."""
        parts: list[bytes] = []
        self._begun = self._begun or self._queue is not None
        if self._queue is not None:
            name, number = self._start
            parts += sse.head(name, number), self._queue
            self._start = ("queue", None)
        if self._progress is not None:
            parts += sse.head("progress"), self._progress
        if self._estimates is not None:
            parts.append(self._estimates)
        self._queue = self._progress = self._estimates = None
        if self._begun:
            for done in self._completions or ():
                parts += sse.head("completed", done.number), done.data
                tracing.delivered(done.trace)
            self._completions = None
        return self.encoded(*parts) if parts else b""

    def encoded(self, *parts: bytes) -> bytes:
        """Return these parts as the client takes them: in gzip, or as they are."""
        return b"".join(parts) if self.gzip is None else self.gzip.encode(parts)

    def ending(self) -> bytes:
        """Return what ends the body after end()."""
        return b"" if self.gzip is None else self.gzip.end()

    async def events(self) -> AsyncIterator[bytes]:
        """Yield what is in line, some events at a time, until the client leaves or end() is called."""
        something = asyncio.Event()
        self.wake = something.set
        something.set()
        while not self.over:
            await something.wait()
            something.clear()
            if not self.over and (data := self.take()):
                yield data
        yield self.ending()
