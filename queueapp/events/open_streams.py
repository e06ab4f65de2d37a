"""The streams of one web process, by user. Pure: no database, no event loop."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator

from . import sse
from .queries import EncodedCompletion, EncodedQueue
from .stream import Stream

KEEP_ALIVE_SECONDS = 15.0
"""Seconds after which an idle stream is sent something, so that proxies do not close it."""
IDLE_OFFERS = 500
"""Idle streams that are sent the estimates in one round; at least a tenth of all streams."""


class OpenStreams:
    """Streams, and what is handed out to them. A user's data are encoded once for all of the user's streams."""

    def __init__(self) -> None:
        self._streams: defaultdict[int, set[Stream]] = defaultdict(set)
        self._many = 0
        self.queues: dict[int, EncodedQueue] = {}
        """The queue of each user as it was handed out last, without its data."""
        self._languages: dict[int, str] = {}

    def __len__(self) -> int:
        return self._many

    def __contains__(self, user: int) -> bool:
        return user in self._streams

    def __iter__(self) -> Iterator[Stream]:
        return (stream for streams in self._streams.values() for stream in streams)

    @property
    def users(self) -> Collection[int]:
        """The users who have streams."""
        return self._streams.keys()

    def count(self, user: int) -> int:
        """Return the number of this user's streams."""
        return len(self._streams.get(user, ()))

    def add(self, stream: Stream) -> None:
        """Add a stream that is not there."""
        self._streams[stream.owner].add(stream)
        self._languages[stream.owner] = stream.language
        self._many += 1

    def remove(self, stream: Stream) -> bool:
        """Remove a stream, if it is there. Return whether it was its user's last one."""
        streams = self._streams.get(stream.owner)
        if streams is None or stream not in streams:
            return False
        streams.discard(stream)
        self._many -= 1
        if streams:
            return False
        del self._streams[stream.owner], self._languages[stream.owner]
        self.queues.pop(stream.owner, None)
        return True

    def languages(self, users: Iterable[int]) -> dict[int, str]:
        """Return the language of each user's queue: that of the stream that came last, as all get the same."""
        return {user: self._languages.get(user, "") for user in users}

    def cursors(self, users: Iterable[int]) -> list[dict[int, int]]:
        """Return, by user, the numbers after which to read completions: the lowest cursors, then the highest.

        So the stream farthest ahead does not wait for the others. A full stream is left out and holds up nobody.
        """
        first, last = {}, {}
        for user in users:
            numbers = {stream.cursor for stream in self._streams.get(user, ()) if not stream.full}
            if numbers:
                first[user] = min(numbers)
            if len(numbers) > 1:
                last[user] = max(numbers)
        return [cursors for cursors in (first, last) if cursors]

    def caught_up(self) -> set[int]:
        """Return the users of streams that had no room for a completion and have it now."""
        return {stream.owner for stream in self if stream.behind and not stream.full}

    def restart(self, last: dict[int, int]) -> None:
        """Restart the streams that were told of completions which are there no more: after these numbers, by user."""
        for user, number in last.items():
            for stream in self._streams.get(user, ()):
                if stream.cursor >= number:
                    stream.restart(number)

    def offer_completions(self, after: dict[int, int], found: Iterable[EncodedCompletion]) -> Counter[int]:
        """Hand out completions that were read after these numbers. Return how many each user has."""
        many: Counter[int] = Counter()
        # A stream that is further behind would miss the completions in between.
        told = {
            user: [stream for stream in self._streams.get(user, ()) if stream.cursor >= number]
            for user, number in after.items()
        }
        for completion in found:
            many[completion.owner] += 1
            for stream in told[completion.owner]:
                stream.offer_completion(completion)
        return many

    def offer_queues(self, found: dict[int, EncodedQueue]) -> None:
        """Hand out queues."""
        for user, queue in found.items():
            if user in self._streams:
                self.queues[user] = queue._replace(data=b"")
                for stream in self._streams[user]:
                    stream.offer_queue(queue.data)

    def offer_progress(self, found: dict[int, bytes]) -> None:
        """Hand out progress."""
        for user, progress in found.items():
            for stream in self._streams.get(user, ()):
                stream.offer_progress(progress)

    def offer_estimates(self, event: bytes, gist: object, now: float) -> None:
        """Hand out the estimates to all who have jobs, and to the others if their gist is news to them.

        The others are told in turns, some in each round. Who hears nothing is sent something every KEEP_ALIVE_SECONDS.
        """
        many = len(self)
        left = max(IDLE_OFFERS, many // 10)
        turn = many / left  # seconds in which all have had theirs
        for user, streams in self._streams.items():
            queue = self.queues.get(user)
            has_jobs = queue is not None and queue.rows > 0
            for stream in streams:
                since = now - stream.told_at
                is_due = since >= KEEP_ALIVE_SECONDS or (stream.gist != gist and since >= turn)
                if not has_jobs and (left <= 0 or not is_due):
                    continue
                left -= not has_jobs
                stream.offer_estimates(event, gist, now)

    def keep_alive(self, now: float) -> None:
        """Send a comment to the streams that were told nothing for long, as while the database is away."""
        for stream in self:
            if now - stream.told_at >= KEEP_ALIVE_SECONDS:
                stream.offer_estimates(sse.KEEP_ALIVE, None, now)
