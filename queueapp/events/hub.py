"""The hub, one per web process. One LISTEN connection and one batch of queries per tick serve all streams.

There are at most ten ticks a second: when something changed, and every half second for progress. No stream has a
thread or a database connection of its own.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter, defaultdict
from typing import Any

import psycopg
from asgiref.sync import sync_to_async

from ..db.sessions import is_passing, listening_parameters, reason
from ..lifecycle.announce import OWNERS
from ..snapshots import BATCH_COMPLETIONS
from .queries import Batch, Completions, read_batch, restarts, revoked_of
from .stream import Stream

logger = logging.getLogger(__name__)

TICK = 0.1
"""Seconds between two ticks, at least."""
QUEUE_SECONDS = 0.25
"""Seconds between two queues of one user, at least."""
PROGRESS_EVERY = 0.5
"""Seconds between two rounds of progress."""
REFRESH_EVERY = 1.0
"""Seconds between reads of all queues while changes are announced: others' jobs move positions and estimates."""
QUIET_REFRESH_EVERY = 5.0
"""The same while none are announced: a notification may have been lost."""
ASK_EVERY = 5.0
"""Seconds between two checks that the LISTEN connection is alive."""
ANSWER_WITHIN = 5.0
"""Seconds that the server has to answer on that connection."""
CHECK_EVERY = 3.0
"""Seconds between rounds that end streams: after a logout, a deactivation, a new password or an expired token."""


class Hub:
    """The streams of this process and the tasks that feed them. All methods belong to one event loop."""

    def __init__(self) -> None:
        self._streams: dict[int, set[Stream]] = defaultdict(set)
        self._changed: set[int] = set()
        self._queue_sent: dict[int, float] = {}
        self._heard = False
        self._lost = False
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def count(self, owner: int) -> int:
        """Return the number of this user's streams that are fed."""
        return len(self._streams.get(owner, ()))

    @property
    def streams(self) -> int:
        """The number of streams that are fed. Safe from any thread."""
        return sum(map(len, list(self._streams.values())))

    def join(self, stream: Stream) -> None:
        """Feed this stream from now on, first with the present queue. The first stream starts the hub."""
        self._streams[stream.owner].add(stream)
        self._queue_sent.pop(stream.owner, None)
        self.changed([stream.owner])
        if not self._tasks:
            self._tasks = [asyncio.create_task(self._listen()), asyncio.create_task(self._feed())]

    def leave(self, stream: Stream) -> None:
        """Stop feeding this stream. The last stream stops the hub."""
        self._streams[stream.owner].discard(stream)
        if not self._streams[stream.owner]:
            del self._streams[stream.owner]
            self._queue_sent.pop(stream.owner, None)
        if not self._streams:
            for task in self._tasks:
                task.cancel()
            self._tasks = []

    def changed(self, owners: list[int]) -> None:
        """Read these users' queues at the next tick, and everybody's within about a second (REFRESH_EVERY)."""
        self._heard = True
        if here := self._streams.keys() & set(owners):
            self._changed |= here
            self._wake.set()

    async def _listen(self) -> None:
        """Follow the announcements of all processes for ever. After a lost connection, assume that all changed."""
        while True:
            try:
                async with await _listening_connection() as listening:
                    self.changed(list(self._streams))
                    while True:
                        async for notice in listening.notifies(timeout=ASK_EVERY):
                            self.changed([int(owner) for owner in notice.payload.split(",") if owner])
                        # Nothing else shows that a connection was cut silently.
                        async with asyncio.timeout(ANSWER_WITHIN):
                            await listening.execute("SELECT 1")
            except (OSError, psycopg.Error) as error:
                self._lost = True
                logger.warning("The live hub lost its database connection and tries again: %s", error)
                await asyncio.sleep(1)

    async def _feed(self) -> None:
        """Tick for ever. An error costs a tick, not the streams."""
        progress_at = refreshed_at = checked_at = 0.0
        while True:
            now = time.monotonic()
            check_due = now >= checked_at + CHECK_EVERY
            if check_due:
                checked_at = now
            if now >= refreshed_at + (REFRESH_EVERY if self._heard else QUIET_REFRESH_EVERY):
                self._changed |= self._streams.keys()
                refreshed_at, self._heard = now, False
            progress_due = now >= progress_at
            if progress_due:
                progress_at = now + PROGRESS_EVERY
                self._changed |= self._caught_up()
            try:
                if self._lost:
                    await self._restart()
                await self._tick(now, progress_due)
                if check_due:
                    await self._close_revoked()
            except Exception as error:  # no error may end the streams
                if is_passing(error):
                    logger.warning("The live hub could not look at the queues: %s", reason(error))
                    await asyncio.sleep(1)
                else:
                    logger.exception("The live hub could not look at the queues")
            await asyncio.sleep(TICK)
            if not self._changed:
                await self._wait(progress_at - time.monotonic())

    async def _wait(self, seconds: float) -> None:
        self._wake.clear()
        try:
            async with asyncio.timeout(max(seconds, 0)):
                await self._wake.wait()
        except TimeoutError:
            return

    async def _tick(self, now: float, progress_due: bool) -> None:
        changed, self._changed = self._changed & self._streams.keys(), set()
        fresh = {owner for owner in changed if now - self._queue_sent.get(owner, 0.0) >= QUEUE_SECONDS}
        self._changed = changed - fresh
        if not changed and not progress_due:
            return
        found = await sync_to_async(read_batch, thread_sensitive=False)(
            fresh, self._cursors(changed), list(self._streams) if progress_due else []
        )
        for owner in found.queues:
            self._queue_sent[owner] = now
        self._hand_out(found)

    def _cursors(self, owners: set[int]) -> list[dict[int, int]]:
        """Return, by owner, the numbers after which to read completions: the lowest cursors, then the highest.

        So the stream farthest ahead does not wait for the others. A full stream is left out and holds up nobody.
        """
        first, last = {}, {}
        for owner in owners:
            numbers = [stream.cursor for stream in self._streams[owner] if not stream.full]
            if numbers:
                first[owner] = min(numbers)
            if len(set(numbers)) > 1:
                last[owner] = max(numbers)
        return [first, last]

    def _caught_up(self) -> set[int]:
        """Return the owners of streams that had no room for a completion and have it now."""
        return {o for o, streams in self._streams.items() if any(s.behind and not s.full for s in streams)}

    async def _restart(self) -> None:
        """Restart streams that are ahead of the database: while the connection was lost, it may have been restored."""
        ahead = {owner: max(stream.cursor for stream in streams) for owner, streams in self._streams.items()}
        for owner, last in (await sync_to_async(restarts, thread_sensitive=False)(ahead)).items():
            for stream in self._streams.get(owner, ()):
                if stream.cursor > last:
                    stream.restart(last)
            self._changed.add(owner)
        self._lost = False

    async def _close_revoked(self) -> None:
        """End the streams whose access was revoked."""
        streams = [stream for streams in self._streams.values() for stream in streams]
        ended = await sync_to_async(revoked_of, thread_sensitive=False)({stream.admitted for stream in streams})
        for stream in streams:
            if stream.admitted in ended:
                stream.end()

    def _hand_out(self, found: Batch) -> None:
        for owner, queue in found.queues.items():
            for stream in self._streams.get(owner, ()):
                stream.offer_queue(queue)
        for owner, progress in found.progress.items():
            for stream in self._streams.get(owner, ()):
                stream.offer_progress(progress)
        for completions in found.completions:
            self._hand_out_completions(completions)

    def _hand_out_completions(self, completions: Completions) -> None:
        # A stream that is further behind would miss the completions in between.
        told = {
            owner: [stream for stream in self._streams.get(owner, ()) if stream.cursor >= number]
            for owner, number in completions.after.items()
        }
        for completion in completions.found:
            for stream in told[completion.owner]:
                stream.offer_completion(completion)
        # A full batch may leave some out: read again at the next tick.
        many = Counter(completion.owner for completion in completions.found)
        self._changed |= {owner for owner in many if many[owner] >= BATCH_COMPLETIONS} & self._streams.keys()


async def _listening_connection() -> psycopg.AsyncConnection[Any]:
    listening = await psycopg.AsyncConnection.connect(**listening_parameters(), autocommit=True)
    async with asyncio.timeout(ANSWER_WITHIN):
        await listening.execute(f"LISTEN {OWNERS}")
    return listening


_hubs: dict[asyncio.AbstractEventLoop, Hub] = {}


def hub() -> Hub:
    """Return the hub of the running event loop: one per web process."""
    return _hubs.setdefault(asyncio.get_running_loop(), Hub())


def stream_count() -> int:
    """Return the number of this process's streams that are fed. Safe from any thread."""
    return sum(hub.streams for hub in list(_hubs.values()))
