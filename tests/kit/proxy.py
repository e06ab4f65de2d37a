"""A TCP proxy before a site, which cuts, stalls and loses what a test tells it to."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Proxy:
    """Forwards connections to a port on loopback. `requests`: the first line of each request that came."""

    def __init__(self, port: int) -> None:
        self.requests: list[str] = []
        self._port = port
        self._loop = asyncio.new_event_loop()
        self._open: set[asyncio.WriteTransport] = set()
        self._stalled: set[asyncio.WriteTransport] = set()
        self._lose: list[str] = []
        self._server: asyncio.Server | None = None
        self.url = ""

    def cut(self) -> None:
        """Close all connections."""
        self._call(self._abort_all)

    def stall(self) -> None:
        """Pass nothing more of the server's on, on the connections that are open now."""
        self._call(lambda: self._stalled.update(self._open))

    def lose_answer(self, request: str, times: int = 1) -> None:
        """Cut the connection instead of passing on the answer to the next requests whose first line begins so."""
        self._call(lambda: self._lose.extend([request] * times))

    def _call(self, work: Callable[[], object]) -> None:
        done = threading.Event()
        self._loop.call_soon_threadsafe(work)
        self._loop.call_soon_threadsafe(done.set)
        assert done.wait(10)

    def _abort_all(self) -> None:
        for client in self._open:
            client.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client = writer.transport
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self._port)
        except OSError:
            client.abort()
            return
        self._open.add(client)
        last = [""]
        tasks = [asyncio.create_task(self._requests(reader, back, last)),
                 asyncio.create_task(self._answers(there, writer, last))]  # fmt: skip
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._open.discard(client)
        client.abort()
        back.transport.abort()

    async def _requests(self, reader: asyncio.StreamReader, back: asyncio.StreamWriter, last: list[str]) -> None:
        while data := await reader.read(65_536):
            line = data.split(b"\r\n", 1)[0].decode(errors="replace")
            if line.endswith("HTTP/1.1"):
                last[0] = line
                self.requests.append(line)
            back.write(data)
            await back.drain()

    async def _answers(self, there: asyncio.StreamReader, writer: asyncio.StreamWriter, last: list[str]) -> None:
        while data := await there.read(65_536):
            lost = [request for request in self._lose if last[0].startswith(request)]
            if lost:
                self._lose.remove(lost[0])
                return
            if writer.transport not in self._stalled:
                writer.write(data)
                await writer.drain()

    async def _start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"


@contextmanager
def proxy(port: int) -> Iterator[Proxy]:
    """A proxy before the server on this port."""
    made = Proxy(port)
    made._loop.run_until_complete(made._start())
    thread = threading.Thread(target=made._loop.run_forever)
    thread.start()
    try:
        yield made
    finally:
        made.cut()
        made._loop.call_soon_threadsafe(made._loop.stop)
        thread.join()
        for task in asyncio.all_tasks(made._loop):
            task.cancel()
        made._loop.run_until_complete(asyncio.sleep(0))
        made._loop.close()
