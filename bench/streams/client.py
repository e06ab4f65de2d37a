"""Clients of event streams: all streams of a case in one process, which takes as little of the cores as it can.

httptools parses HTTP. Of an event only its kind, its number and a queue's time are read.
"""

from __future__ import annotations

import asyncio
import math
import time
import zlib
from array import array
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import cast

from httptools import HttpResponseParser

from bench.streams.events import COMPLETED, OTHER, RESET, Recording, kind_of, number_of

HOST = "127.0.0.1"
_GZIP = 16 + zlib.MAX_WBITS
RETRY = 1.0
"""Seconds before a stream that was refused or cut comes back, as the server's `retry` says."""


@dataclass(frozen=True)
class Request:
    """A user's request for a stream: the path, a header line with the token or session, whether it comes back with
    Last-Event-ID (the number of the last completion heard, or 0), and whether it takes gzip, as browsers do."""

    path: str
    header: str = ""
    resume: bool = True
    gzip: bool = False


@dataclass(frozen=True)
class Opening:
    """How streams were opened. Seconds from the start until all had a response's head, and until all had an event.

    `opened`: streams with an event. `refused`: attempts without a good answer. `first_bytes`: mean size of the first
    event.
    """

    heads: float
    firsts: float
    opened: int
    refused: int
    first_bytes: float


class Stream:
    """A user's stream: its present connection, and the last number that it heard."""

    def __init__(self, clients: Clients, index: int, request: Request) -> None:
        self.clients, self.index, self.request = clients, index, request
        self.last = 0
        self.was_open = self.has_event = False
        self.connection: Connection | None = None

    def head(self) -> bytes:
        """Return the request's head, with Last-Event-ID unless it is the first request."""
        lines = [f"GET {self.request.path} HTTP/1.1", f"Host: {HOST}", "Accept: text/event-stream"]
        lines += [self.request.header] if self.request.header else []
        lines += ["Accept-Encoding: gzip"] if self.request.gzip else []
        lines += [f"Last-Event-ID: {self.last}"] if self.was_open and self.request.resume else []
        return "\r\n".join([*lines, "", ""]).encode()


class Connection(asyncio.Protocol):
    """A connection of a stream. `status`: of the response, 0 if the connection was lost before it came."""

    def __init__(self, stream: Stream) -> None:
        self.status: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._stream, self._parser, self._rest = stream, HttpResponseParser(self), b""
        self._decompressor = zlib.decompressobj(_GZIP) if stream.request.gzip else None
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the request."""
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is one by its methods only
        self._stream.connection = self
        self.transport.write(self._stream.head())

    def data_received(self, data: bytes) -> None:
        """Parse what came."""
        self._parser.feed_data(data)

    def on_headers_complete(self) -> None:
        """Tell the status of the response."""
        self.status.set_result(self._parser.get_status_code())

    def on_body(self, body: bytes) -> None:
        """Hand on the events that are complete."""
        if self._stream.connection is self and self.status.result() == 200:
            self._stream.clients.received += len(body)
            text = self._decompressor.decompress(body) if self._decompressor else body
            self._stream.clients.decompressed += len(text)
            *events, self._rest = (self._rest + text).split(b"\n\n")
            self._stream.clients.heard(self._stream, events)

    def connection_lost(self, error: Exception | None) -> None:
        """Tell that the connection has ended."""
        if not self.status.done():
            self.status.set_result(0)
        elif self._stream.connection is self and self.status.result() == 200:
            self._stream.clients.cut(self._stream)


class Clients:
    """The streams, by the index of their request."""

    def __init__(self, port: int, requests: list[Request]) -> None:
        self._port = port
        self._streams = [Stream(self, index, request) for index, request in enumerate(requests)]
        self._recording: Recording | None = None
        self.received = self.decompressed = 0
        """Bytes since record(), without the framing of HTTP: as they came, and decompressed."""
        self._users, self._numbers = array("L"), array("q")
        self._tasks = set[asyncio.Task[None]]()
        self._all_have_events = asyncio.Event()
        self._cuts = self._refused = self._disorder = self._resets = self._without_event = self._first_bytes = 0

    async def connect(self, at_once: int, limit: float) -> Opening:
        """Open all streams, at most `at_once` of them at the same time.

        Returns after `limit` seconds at the latest. Streams that are not open by then go on trying.
        """
        room = asyncio.Semaphore(at_once)

        async def open_one(stream: Stream) -> None:
            async with room:
                await self._open(stream)

        begun, self._refused, self._first_bytes = time.monotonic(), 0, 0
        self._without_event = len(self._streams)
        self._all_have_events.clear()
        heads = firsts = math.inf
        with suppress(TimeoutError):
            async with asyncio.timeout(limit):
                await asyncio.wait([self._start(open_one(stream)) for stream in self._streams])
                heads = time.monotonic() - begun
                await self._all_have_events.wait()
                firsts = time.monotonic() - begun
        opened = len(self._streams) - self._without_event
        return Opening(heads, firsts, opened, self._refused, self._first_bytes / max(opened, 1))

    async def storm(self, limit: float) -> Opening:
        """Cut all streams at once and open all at once."""
        for stream in self._streams:
            connection, stream.connection, stream.has_event = stream.connection, None, False
            if connection is not None and connection.transport is not None:
                connection.transport.abort()
        return await self.connect(len(self._streams), limit)

    def record(self) -> None:
        """Record events from now on."""
        self._recording = Recording()
        self.received = self.decompressed = 0

    def received_bytes(self) -> tuple[int, int]:
        """Return the bytes that came since record(): as they came, and decompressed."""
        return self.received, self.decompressed

    def recorded(self) -> Recording:
        """Stop recording, and return the events since record()."""
        recording, self._recording = self._recording, None
        assert recording is not None
        return recording

    def size(self) -> int:
        """Return the number of streams."""
        return len(self._streams)

    def count(self, users: range) -> int:
        """Return the number of completions that these users heard."""
        return sum(user in users for user in self._users)

    def completions(self) -> tuple[array[int], array[int], dict[str, int]]:
        """Return the users and numbers of all completions heard, and how often something went wrong."""
        wrong = {"out of order": self._disorder, "resets": self._resets, "streams cut": self._cuts}
        return self._users, self._numbers, wrong

    def heard(self, stream: Stream, events: list[bytes]) -> None:
        """Take events that a stream brought."""
        now = time.time()
        for event in events:
            kind = kind_of(event)
            if not stream.has_event and event.startswith(b"event: "):
                self._has_event(stream, event)
            number = number_of(event) if kind == COMPLETED else 0
            if kind == COMPLETED:
                self._disorder += number <= stream.last
                stream.last = number
                self._users.append(stream.index)
                self._numbers.append(number)
            self._resets += kind == RESET
            if self._recording is not None and kind != OTHER:
                self._recording.add(now, stream.index, kind, event, number)

    def cut(self, stream: Stream) -> None:
        """Open a stream again that the server has ended."""
        self._cuts += 1
        self._start(self._open(stream, RETRY))

    def _has_event(self, stream: Stream, event: bytes) -> None:
        stream.has_event = True
        self._first_bytes += len(event) + 2
        self._without_event -= 1
        if not self._without_event:
            self._all_have_events.set()

    def _start(self, opening: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(opening)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _open(self, stream: Stream, wait: float = 0.0) -> None:
        """Connect until the answer is good, and wait RETRY seconds between two attempts."""
        await asyncio.sleep(wait)
        loop = asyncio.get_running_loop()
        while True:
            try:
                _, connection = await loop.create_connection(lambda: Connection(stream), HOST, self._port)
                if await connection.status == 200:
                    stream.was_open = True
                    return
                assert connection.transport is not None
                connection.transport.abort()
            except OSError:  # the server's line of connections is full
                pass
            self._refused += 1
            await asyncio.sleep(RETRY)
