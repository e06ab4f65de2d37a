"""The hub, one per web process. One LISTEN connection and a few queries a tick serve all streams.

It reads in slices and hands out each before the next: first completions of everybody, then small queues, then large
ones. Nobody's queue, however long, delays what another is told. While nothing of a user's changes, nothing is read for
the user; what others' jobs change, all streams are told by one event that they share. No stream has a thread or a
database connection of its own.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Collection
from typing import TypeVar

from ..conf import queue_settings
from ..db.sessions import is_passing, reason
from ..lifecycle.announce import EVERYONE
from ..policy.accuracy import Accuracy
from ..snapshots import BATCH_COMPLETIONS
from . import queries
from .job_watches import JobWatches
from .listener import listen
from .open_streams import OpenStreams
from .read_schedule import ReadSchedule
from .stream import Stream

logger = logging.getLogger(__name__)
T = TypeVar("T")
R = TypeVar("R")

TICK = 0.1
"""Seconds between two reads of completions, and of queues, at least: what changes meanwhile is read together."""
SLICE_USERS, SLICE_ROWS = 200, 200
"""Users whose completions, and rows whose queues, are read together, about: some ten milliseconds."""
PROGRESS_EVERY = 0.5
"""Seconds between two rounds of progress."""
ESTIMATES_EVERY = 1.0
"""Seconds between two rounds of the estimates."""
CHECK_EVERY = 3.0
"""Seconds between rounds that end streams: after a logout, a deactivation, a new password or an expired token."""
RECHECK_EVERY = 5.0
"""Seconds between reads of completions that nobody announced: a process may have died before it did."""
REREAD_EVERY, REREAD_IDLE_EVERY = 15.0, 60.0
"""The same for queues: of users who have jobs, and of the others."""
RETRY_MILLISECONDS, RETRY_PER_STREAM = 1_000, 1
"""Clients that were cut off come back after a second, and up to so many milliseconds more for each stream there is."""


class Hub:
    """The streams of this process and the tasks that feed them. All methods belong to one event loop."""

    def __init__(self) -> None:
        self._open = OpenStreams()
        self.watches = JobWatches()
        self._changed: set[int] = set()
        self._unheard: list[int] = []
        """Users whose completions are to be read though nobody announced any: some with each tick."""
        self._schedule = ReadSchedule()
        self._fleet = queries.FleetReader()
        self._lost = False
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._tick_at = 0.0
        self._slices = False
        self._rounds = [
            _Round(PROGRESS_EVERY, self._progress),
            _Round(ESTIMATES_EVERY, self._estimates),
            _Round(CHECK_EVERY, self._close_revoked),
            _Round(RECHECK_EVERY, self._recheck),
            _Round(REREAD_EVERY, self._reread),
            _Round(REREAD_IDLE_EVERY, self._reread_idle),
        ]

    @property
    def streams(self) -> int:
        """The number of streams that are fed. Safe from any thread."""
        return len(self._open)

    @property
    def accuracy(self) -> Accuracy:
        """How exact estimates were lately. Others may read it while the hub goes on."""
        return self._fleet.predictions.accuracy

    def is_full(self, user: int) -> bool:
        """Whether this user has as many streams as one may have."""
        return 0 < queue_settings().MAX_STREAMS <= self._open.count(user)

    def retry_milliseconds(self) -> int:
        """Return how long a client is to wait before it comes back: spread, so that not all come at once."""
        return RETRY_MILLISECONDS + random.randrange(RETRY_PER_STREAM * self.streams + 1_000)  # noqa: S311 (no secret)

    def join(self, stream: Stream) -> None:
        """Feed this stream from now on, first with the present queue. The first stream starts the hub."""
        self._open.add(stream)
        stream.told_at = time.monotonic()
        self._schedule.forget(stream.owner)
        self._note([stream.owner])
        self._start()

    def leave(self, stream: Stream) -> None:
        """Stop feeding this stream. The last stream stops the hub."""
        if self._open.remove(stream):
            self._schedule.forget(stream.owner)
            self._changed.discard(stream.owner)
        self._stop_if_idle()

    async def job_end(self, user: int, job: int, seconds: float) -> None:
        """Wait until this user's job has ended, so many seconds at most."""
        ending = self.watches.add(user, job)
        self._wake.set()
        self._start()
        try:
            async with asyncio.timeout(seconds):
                await ending
        except TimeoutError:
            pass
        finally:
            self.watches.remove(user, job, ending)
            self._stop_if_idle()

    def _start(self) -> None:
        if not self._tasks:
            self._tasks = [
                asyncio.create_task(listen(self.changed, self._connected)),
                asyncio.create_task(self._feed()),
            ]

    def _stop_if_idle(self) -> None:
        if not self._open.users and not self.watches.owners:
            for task in self._tasks:
                task.cancel()
            self._tasks = []

    def changed(self, users: Collection[int]) -> None:
        """Read these users' completions and queues soon, if they have streams. EVERYONE: those of all.

        Look soon, too, at the jobs that are waited for.
        """
        known = self._open.users
        self._note(known if EVERYONE in users else [user for user in users if user in known])
        self._watch(self.watches.owners if EVERYONE in users else users)

    def _watch(self, users: Collection[int]) -> None:
        self.watches.note(users)
        if self.watches.changed:
            self._wake.set()

    def _note(self, users: Collection[int]) -> None:
        if users:
            self._changed.update(users)
            self._schedule.add(users, time.monotonic())
            self._wake.set()

    def _connected(self) -> None:
        """Read everything: what was announced meanwhile was not heard, and the database may have been restored."""
        self._lost = True
        self._note(self._open.users)
        self._watch(self.watches.owners)

    async def _feed(self) -> None:
        """Feed the streams for ever. An error costs a slice, not the streams."""
        while True:
            try:
                await self._step()
            except Exception as error:  # no error may end the streams
                if is_passing(error):
                    logger.warning("The live hub could not look at the queues: %s", reason(error))
                else:
                    logger.exception("The live hub could not look at the queues")
                self._open.keep_alive(time.monotonic())
                await asyncio.sleep(1)
                self._note(self._open.users)
                self._watch(self.watches.owners)

    async def _step(self) -> None:
        """Do what is due: completions first, then the rounds, then one slice of queues. Or wait until something is."""
        if self._lost:
            self._open.restart(await queries.restarts(self._told()))
            self._lost = False
        now = time.monotonic()
        if now >= self._tick_at:
            self._tick_at = now + TICK
            if jobs := self.watches.take():
                self.watches.end(await queries.read_ended(jobs))
            changed, self._changed = list(self._changed), set()
            await self._completions(changed)
            unheard, self._unheard = self._unheard[:SLICE_USERS], self._unheard[SLICE_USERS:]
            await self._completions(unheard)
            self._slices = True
        for one in self._rounds:
            await one.run_if_due()
        if self._slices and (users := self._schedule.take(time.monotonic(), SLICE_ROWS)):
            await self._queues(users)
            return
        self._slices = False
        await self._pause()

    async def _pause(self) -> None:
        """Wait until something is due, or changes."""
        now = time.monotonic()
        self._wake.clear()
        due = min(one.due for one in self._rounds)
        due = min(due, max(self._tick_at, now + self._schedule.wait(now)))
        if self._changed or self._unheard or self.watches.changed:
            due = min(due, self._tick_at)
        try:
            async with asyncio.timeout(max(due - now, 0.0)):
                await self._wake.wait()
        except TimeoutError:
            return
        # Others change meanwhile: they are read together.
        await asyncio.sleep(max(self._tick_at - time.monotonic(), 0.0))

    async def _completions(self, users: list[int]) -> None:
        for start in range(0, len(users), SLICE_USERS):
            for after in self._open.cursors(users[start : start + SLICE_USERS]):
                found = await _each(queries.read_completions, after)
                many = self._open.offer_completions(after, [one for batch in found for one in batch])
                # A full batch may leave some out: read again at the next tick.
                self._changed |= {user for user, number in many.items() if number >= BATCH_COMPLETIONS}
                self._schedule.add([user for user in many if user in self._open], time.monotonic())

    async def _queues(self, users: list[int]) -> None:
        for found in await _each(lambda some: queries.read_queues(some, self._fleet), self._open.languages(users)):
            self._open.offer_queues(found)
            for user, queue in found.items():
                if user in self._open:
                    self._schedule.note(user, time.monotonic(), queue.rows)

    async def _progress(self) -> None:
        self._note(self._open.caught_up())
        running = {user: None for user, queue in self._open.queues.items() if queue.runs}
        for found in await _each(queries.read_progress, running) if running else ():
            self._open.offer_progress(found)

    async def _estimates(self) -> None:
        if not self.streams:
            return
        flows = {id(queue.flow): queue.flow for queue in self._open.queues.values()}  # equal ones are one object
        behind = self._schedule.behind(time.monotonic())
        event, gist = await queries.read_estimates(flows.values(), behind, self._fleet)
        self._open.offer_estimates(event, gist, time.monotonic())
        self._open.keep_alive(time.monotonic())  # streams whose first queue has not been read yet

    async def _close_revoked(self) -> None:
        streams = list(self._open)
        ended = await queries.revoked_of({stream.access for stream in streams})
        for stream in streams:
            if stream.access in ended:
                stream.end()

    async def _recheck(self) -> None:
        self._unheard = self._unheard or list(self._open.users)
        self._watch(self.watches.owners)

    async def _reread(self) -> None:
        busy = [user for user, queue in self._open.queues.items() if queue.rows]
        self._schedule.add(busy, time.monotonic())

    async def _reread_idle(self) -> None:
        self._schedule.add(self._open.users, time.monotonic())

    def _told(self) -> dict[int, int]:
        """Return the highest number that a stream of each user was told."""
        numbers: dict[int, int] = {}
        for stream in self._open:
            numbers[stream.owner] = max(stream.cursor, numbers.get(stream.owner, 0))
        return numbers


class _Round:
    """Something that is done every so many seconds."""

    def __init__(self, seconds: float, work: Callable[[], Awaitable[None]]) -> None:
        self._seconds = seconds
        self._work = work
        self.due = 0.0

    async def run_if_due(self) -> None:
        """Do it, unless it was done a moment ago. After an error it is due again as after a success."""
        if time.monotonic() >= self.due:
            self.due = time.monotonic() + self._seconds
            await self._work()


async def _each(read: Callable[[dict[int, T]], Awaitable[R]], given: dict[int, T]) -> list[R]:
    """Return what `read` returns for these users.

    If that fails for all of them together, read each half by itself: one user's data that cannot be read must not keep
    anything from others. The log has the user's number. Raises the database's passing errors.
    """
    try:
        return [await read(given)]
    except Exception as error:
        if is_passing(error):
            raise
        if len(given) == 1:
            logger.exception("The live hub could not read what is to be sent to owner %d", *given)
            return []
    users = list(given)
    halves = users[: len(users) // 2], users[len(users) // 2 :]
    return [found for half in halves for found in await _each(read, {user: given[user] for user in half})]


_hubs: dict[asyncio.AbstractEventLoop, Hub] = {}


def hub() -> Hub:
    """Return the hub of the running event loop: one per web process."""
    loop = asyncio.get_running_loop()
    if loop not in _hubs:
        _hubs[loop] = Hub()
    return _hubs[loop]


def accuracy_now() -> Accuracy:
    """Return how exact estimates were lately, as this process's hubs know it: nothing before the first stream."""
    return max((hub.accuracy for hub in list(_hubs.values())), key=lambda one: len(one.ranges()), default=Accuracy())


def stream_count() -> int:
    """Return the number of this process's streams that are fed. Safe from any thread."""
    return sum(hub.streams for hub in list(_hubs.values()))
