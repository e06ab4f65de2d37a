"""One processor of pgqueuer: python -m bench.systems.pgqueuer_worker SETTINGS (JSON, see pgqueuer.py)"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import uvloop

from bench.systems.worker import Processor


async def work(settings: dict[str, Any]) -> None:
    """Take jobs until the process is ended."""
    import asyncpg  # type: ignore[import-not-found]
    from pgqueuer import PgQueuer  # type: ignore[import-not-found]

    # Like Turnabout, which commits claims and results asynchronously.
    connection = await asyncpg.connect(os.environ["DATABASE_URL"], server_settings={"synchronous_commit": "off"})
    queue = PgQueuer.from_asyncpg_connection(connection)
    processor = Processor(settings["seconds"])

    async def hold(job: Any) -> None:
        await processor.hold(job.payload.decode())

    for entrypoint, limit in settings["limits"].items():
        queue.entrypoint(entrypoint, concurrency_limit=limit)(hold)
    await processor.all_ready()
    await queue.run(batch_size=1, max_concurrent_tasks=settings["in_hand"])


if __name__ == "__main__":
    uvloop.run(work(json.loads(sys.argv[1])))
