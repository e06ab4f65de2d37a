#!/usr/bin/env -S python3 -I
"""Debian's Firefox, as Playwright can drive it: the program that Playwright starts in place of Firefox.

Playwright speaks WebDriver BiDi with an ordinary Firefox. It sets the colour scheme of each page, and gives up if the
browser has no such command, as Firefox 153 (ESR) has none. So this program starts Firefox (FIREFOX names it), stands
between the two, and answers that one command by itself. The scheme is then Firefox's own: a test sets it by a
preference. Once the ESR has the command, Playwright can start Firefox itself.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from contextlib import AsyncExitStack

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve

UNKNOWN = "emulation.setMediaFeaturesOverride"
LISTENS = re.compile(r"(WebDriver BiDi listening on )(ws://\S+)")


async def main() -> int:
    """Run Firefox with this program's arguments. Return its exit code."""
    firefox = await asyncio.create_subprocess_exec(
        os.environ["FIREFOX"], *sys.argv[1:], stdin=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
    )
    assert firefox.stderr is not None
    async with AsyncExitStack() as open_until_the_end:
        async for line in firefox.stderr:
            text = line.decode(errors="replace")
            if found := LISTENS.search(text):
                address = await open_until_the_end.enter_async_context(Relay(found[2]))
                text = f"{found[1]}{address}\n"
            sys.stderr.write(text)
            sys.stderr.flush()
        return await firefox.wait()


class Relay:
    """A WebSocket server on loopback that passes all on to another and back, but for one command."""

    def __init__(self, firefox: str) -> None:
        self._firefox = firefox
        self._server = serve(self._relay, "127.0.0.1", 0, max_size=None, compression=None)

    async def __aenter__(self) -> str:
        server = await self._server.__aenter__()
        port = next(iter(server.sockets)).getsockname()[1]
        return f"ws://127.0.0.1:{port}"

    async def __aexit__(self, *failure: object) -> None:
        await self._server.__aexit__(None, None, None)

    async def _relay(self, playwright: ServerConnection) -> None:
        assert playwright.request is not None
        address = self._firefox + playwright.request.path
        async with connect(address, max_size=None, compression=None) as firefox:
            answering = asyncio.create_task(self._pass_back(firefox, playwright))
            async for message in playwright:
                command = json.loads(message)
                if command["method"] == UNKNOWN:
                    await playwright.send(json.dumps({"type": "success", "id": command["id"], "result": {}}))
                else:
                    await firefox.send(message)
            answering.cancel()

    async def _pass_back(self, firefox: ClientConnection, playwright: ServerConnection) -> None:
        async for message in firefox:
            await playwright.send(message)
        await playwright.close()


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
