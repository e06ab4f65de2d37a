"""The limit: a server that does nothing but hold connections and write given bytes to them at given times."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import cast

from bench.streams.events import QUEUE, Sent, padded

HOST = "127.0.0.1"
BACKLOG = 2048
"""Connections that wait to be accepted, as many as uvicorn's."""
WRITTEN_AT_ONCE = 200
"""Events after which connections are accepted, too."""
_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\nconnection: close\r\n\r\n"


class Reader(asyncio.Protocol):
    """A connection. It begins with a queue of so many bytes as the site's."""

    def __init__(self, server: BareServer) -> None:
        self._server, self._user = server, -1
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the request."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one by its methods only

    def data_received(self, data: bytes) -> None:
        """Answer the request, `GET /<index of the user> HTTP/1.1`, which comes in one piece."""
        assert self._transport is not None
        self._user = int(data[5 : data.index(b" ", 5)])
        self._server.readers[self._user] = self._transport
        self._transport.write(_HEAD + self._server.first)

    def connection_lost(self, error: Exception | None) -> None:
        """Forget the connection."""
        if self._server.readers.get(self._user) is self._transport:
            del self._server.readers[self._user]


class BareServer:
    """`readers`: the connections by user. `first`: the event that each begins with."""

    def __init__(self, first_bytes: int) -> None:
        self.first = padded(QUEUE, first_bytes, 0)
        self.readers: dict[int, asyncio.Transport] = {}
        self._server: asyncio.Server | None = None

    async def start(self) -> int:
        """Listen, and return the port."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Reader(self), HOST, 0, backlog=BACKLOG)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def replay(self, sequence: Sequence[Sent], since: float) -> None:
        """Send each event at its time after `since` (seconds since the epoch), as Recording.sequence() yields them."""
        for sent, (offset, user, kind, size, number) in enumerate(sequence):
            wait = since + offset - time.time()
            if wait > 0 or not sent % WRITTEN_AT_ONCE:
                await asyncio.sleep(max(wait, 0.0))
            if reader := self.readers.get(user):
                reader.write(padded(kind, size, number))
