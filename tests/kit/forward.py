"""python -m tests.kit.forward ADDRESS PORT SOCKET: forward TCP connections to the server behind a Unix socket.

SIGUSR1 resets all connections, like a host that has lost its state.
"""

from __future__ import annotations

import asyncio
import signal
import socket
import struct
import sys

_clients: set[asyncio.StreamWriter] = set()


def _reset_all() -> None:
    for client in _clients:
        client.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.transport.abort()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


async def _main(address: str, port: int, path: str) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_unix_connection(path)
        _clients.add(writer)
        await asyncio.gather(_copy(reader, back), _copy(there, writer))
        _clients.discard(writer)

    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, _reset_all)
    async with await asyncio.start_server(serve, address, port) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
