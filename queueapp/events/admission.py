"""Admission to the event stream, in batches: clients that come together cost a few queries, not a few each."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from asgiref.sync import sync_to_async
from django.db import connection

from ..db.sessions import is_passing
from ..limits.throttles import request_waits
from ..snapshots import StreamStart, stream_starts
from .access import StreamAccess
from .credentials import Credentials, accesses

MAX_BATCH = 200
"""Clients that are admitted together, at most."""


class StreamRequest(NamedTuple):
    """A client that asks for a stream of what follows a number (None: from now on)."""

    credentials: Credentials
    after: int | None


class Admitted(NamedTuple):
    """A client that may have a stream, and where the stream begins."""

    access: StreamAccess
    start: StreamStart


_Waiting = tuple[StreamRequest, "asyncio.Future[Admitted | None]"]


class Admissions:
    """Collects the clients of one event loop. While one batch is with the database, the next one gathers."""

    def __init__(self) -> None:
        self._waiting: list[_Waiting] = []
        self._task: asyncio.Task[None] | None = None

    async def admit(self, client: StreamRequest) -> Admitted | None:
        """Return what the client gets; None: not decided here. Raises the errors of the database."""
        answer: asyncio.Future[Admitted | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((client, answer))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._work())
        return await answer

    async def _work(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:MAX_BATCH], self._waiting[MAX_BATCH:]
            await _settle([(client, answer) for client, answer in batch if not answer.done()])


async def _settle(batch: Sequence[_Waiting]) -> None:
    """Answer these clients, together or, if that fails, one by one: nobody's request can fail another's."""
    try:
        admitted = await sync_to_async(admit_all, thread_sensitive=False)([client for client, _ in batch])
    except Exception as error:
        if len(batch) > 1 and not is_passing(error):
            for one in batch:
                await _settle([one])
            return
        for _, answer in batch:
            if not answer.done():  # done: the client has left
                answer.set_exception(error)
        return
    for (_, answer), result in zip(batch, admitted, strict=True):
        if not answer.done():
            answer.set_result(result)


def admit_all(clients: Sequence[StreamRequest]) -> list[Admitted | None]:
    """Return what each client gets; None: not decided here, or beyond the rate limit.

    About seven queries, however many they are. Locks: as stream_starts().
    """
    try:
        allowed = _within_limit(accesses([client.credentials for client in clients]))
        asked = [(a.owner, client.after) for client, a in zip(clients, allowed, strict=True) if a is not None]
        starts = iter(stream_starts(asked) if asked else ())
        return [None if access is None else Admitted(access, next(starts)) for access in allowed]
    finally:
        if not connection.in_atomic_block:  # as it is in tests only
            connection.close()


def _within_limit(given: list[StreamAccess | None]) -> list[StreamAccess | None]:
    """Take a request of each user's allowance, and leave out those who have none. Two of one user take two."""
    allowed: list[StreamAccess | None] = [None] * len(given)
    left = [index for index, access in enumerate(given) if access is not None]
    while left:
        firsts = {access.user: index for index in reversed(left) if (access := given[index]) is not None}
        waits = request_waits(firsts)
        for user, index in firsts.items():
            allowed[index] = None if waits[str(user)] else given[index]
        left = sorted(set(left) - set(firsts.values()))
    return allowed
