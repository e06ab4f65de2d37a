"""Which users' queues are to be read next: small ones before large ones, and none is put off for ever. Pure: no I/O."""

from __future__ import annotations

import heapq
from collections.abc import Iterable

FIRST_SECONDS = 0.25
"""Seconds between two reads of one user's queue, at least."""
SECONDS_PER_ROW = 0.01
"""Further seconds for each row that it had. A read costs in proportion to its rows: nobody's takes more than its part.
A queue also counts as due so much later, so that small ones go first; what has waited long enough goes before them."""


class ReadSchedule:
    """The users whose queue is to be read, each with the moment from which it may be. All moments are of one clock."""

    def __init__(self) -> None:
        self._rows: dict[int, tuple[float, int]] = {}
        """By user: when the queue was read last, and the rows that it had."""
        self._due: dict[int, float] = {}
        self._later: list[tuple[float, int]] = []
        self._ready: list[tuple[float, int]] = []

    def add(self, users: Iterable[int], now: float) -> None:
        """Plan a read of each queue, unless one is planned."""
        for user in users:
            if user not in self._due:
                read_at, rows = self._rows.get(user, (float("-inf"), 0))
                self._due[user] = max(now, read_at + FIRST_SECONDS + SECONDS_PER_ROW * rows)
                heapq.heappush(self._later, (self._due[user], user))

    def forget(self, user: int) -> None:
        """Plan no read of this queue, and allow one at once when it is added again."""
        self._rows.pop(user, None)
        self._due.pop(user, None)

    def take(self, now: float, rows: int) -> list[int]:
        """Return the next users, whose queues had about so many rows in all, or a single larger one. Note the read."""
        while self._later and self._later[0][0] <= now:
            due, user = heapq.heappop(self._later)
            if self._due.get(user) == due:
                heapq.heappush(self._ready, (due + SECONDS_PER_ROW * self._rows_of(user), user))
        taken: dict[int, None] = {}
        while self._ready and (rows > 0 or not taken):
            _, user = heapq.heappop(self._ready)
            if self._due.get(user, now + 1) <= now and user not in taken:
                taken[user] = None
                rows -= 1 + self._rows_of(user)
        for user in taken:
            del self._due[user]
        return list(taken)

    def note(self, user: int, now: float, rows: int) -> None:
        """Note that a queue was read now, and had so many rows."""
        self._rows[user] = (now, rows)

    def wait(self, now: float) -> float:
        """Return the seconds until a queue may be read; infinity if none is planned."""
        if self._ready:
            return 0.0
        return max(self._later[0][0] - now, 0.0) if self._later else float("inf")

    def behind(self, now: float) -> float:
        """Return for how many seconds the queue that waits longest has been due."""
        ready = [self._due[user] for _, user in self._ready if user in self._due]
        return max((now - due for due in ready), default=0.0)

    def _rows_of(self, user: int) -> int:
        return self._rows.get(user, (0.0, 0))[1]
