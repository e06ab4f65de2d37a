"""One processor of procrastinate: python -m bench.systems.procrastinate_worker SETTINGS (JSON, see procrastinate.py)"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import Any

import uvloop

from bench.systems.worker import Processor

MOST_CONNECTIONS = 8


async def work(settings: dict[str, Any]) -> None:
    """Take jobs until the process is ended. Runs a worker of procrastinate per queue, all in one event loop."""
    from procrastinate import App, PsycopgConnector  # type: ignore[import-not-found]

    many = min(MOST_CONNECTIONS, 2 * len(settings["queues"]))
    # Like Turnabout, which commits claims and results asynchronously.
    asynchronously = {"options": "-c synchronous_commit=off"}
    connector = PsycopgConnector(
        conninfo=os.environ["DATABASE_URL"], min_size=many, max_size=many, kwargs=asynchronously
    )
    app = App(connector=connector)
    processor = Processor(settings["seconds"])

    @app.task(name="hold")  # type: ignore[untyped-decorator]
    async def hold(user: str) -> None:
        await processor.hold(user)

    async with app.open_async():
        await processor.all_ready()
        # All jobs were submitted before the start. LISTEN is not needed, and would take a connection per worker.
        workers = [
            app.run_worker_async(
                queues=[queue], concurrency=in_hand, listen_notify=False, install_signal_handlers=False
            )
            for queue, in_hand in settings["queues"].items()
        ]
        await asyncio.gather(*workers)


if __name__ == "__main__":
    uvloop.run(work(json.loads(sys.argv[1])))
