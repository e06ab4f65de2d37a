"""A processor of a peer, as an asyncio process: the shared code of all peers' workers."""

from __future__ import annotations

import asyncio
import sys
import time

from bench.harness import READY
from bench.records import Recorder, clock


class Processor:
    """Runs one job at a time, however many its worker holds. The others wait in order of arrival."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._free = asyncio.Lock()
        self._recorder = Recorder()

    async def hold(self, user: str) -> None:
        """Hold the processor for the seconds of every job, and record it.

        Sleeps in a thread. asyncio's timer is late by a millisecond and more while the event loop fetches and records,
        and a blocking sleep would stop the event loop.
        """
        async with self._free:
            await asyncio.to_thread(self._hold, user)

    def _hold(self, user: str) -> None:
        started = clock()
        time.sleep(self._seconds)
        self._recorder.add(user, started)

    async def all_ready(self) -> None:
        """Print READY once this process and its threads are ready, and wait until all processes are."""
        await asyncio.to_thread(time.sleep, self._seconds)
        self._recorder.start()
        sys.stdout.write(f"{READY}\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.readline)
