"""The hub's LISTEN connection."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import psycopg

from ..db.sessions import listening_parameters, reason
from ..lifecycle.announce import OWNERS

logger = logging.getLogger(__name__)

ASK_EVERY = 5.0
"""Seconds between two checks that the connection is alive."""
ANSWER_WITHIN = 5.0
"""Seconds that the server has to answer on it."""


async def listen(changed: Callable[[list[int]], None], connected: Callable[[], None]) -> None:
    """Call `changed` with the owners that any process announces, for ever.

    `connected`: called whenever a connection listens. What was announced before was not heard.
    """
    while True:
        try:
            async with await _connection() as listening:
                connected()
                while True:
                    async for notice in listening.notifies(timeout=ASK_EVERY):
                        changed([int(owner) for owner in notice.payload.split(",") if owner])
                    # Nothing else shows that a connection was cut silently.
                    async with asyncio.timeout(ANSWER_WITHIN):
                        await listening.execute("SELECT 1")
        except (OSError, psycopg.Error) as error:
            logger.warning("The live hub lost its database connection and tries again: %s", reason(error))
            await asyncio.sleep(1)


async def _connection() -> psycopg.AsyncConnection[Any]:
    listening = await psycopg.AsyncConnection.connect(**listening_parameters(), autocommit=True)
    async with asyncio.timeout(ANSWER_WITHIN):
        await listening.execute(f"LISTEN {OWNERS}")
    return listening
