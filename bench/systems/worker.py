"""A processor of a peer, an asyncio process: what the workers of all peers share."""

from __future__ import annotations

import asyncio
import sys
import time

from bench.harness import READY
from bench.records import Recorder, clock


class Processor:
    """Runs one job at a time, however many its worker has in hand; the others wait, first come first served."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._free = asyncio.Lock()
        self._recorder = Recorder()

    async def hold(self, user: str) -> None:
        """Hold the processor for the same time as every job.

        Sleeps in a thread: asyncio's own timer is late by a millisecond and more while the loop fetches and records,
        and sleeping in the loop would keep it from doing so meanwhile.
        """
        async with self._free:
            await asyncio.to_thread(self._hold, user)

    def _hold(self, user: str) -> None:
        started = clock()
        time.sleep(self._seconds)
        self._recorder.add(user, started)

    async def all_ready(self) -> None:
        """Say that this process is ready, its threads too, and wait until all are."""
        await asyncio.to_thread(time.sleep, self._seconds)
        self._recorder.start()
        sys.stdout.write(f"{READY}\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.readline)
