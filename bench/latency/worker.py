"""A peer's worker with its defaults, woken by notifications: python -m bench.latency.worker PEER"""

from __future__ import annotations

import os
import sys
from typing import Any

import uvloop

from bench.records import Recorder, clock
from bench.systems.worker import Processor

_recorder = Recorder()


async def pgqueuer() -> None:
    """Take jobs until the process is ended."""
    import asyncpg  # type: ignore[import-not-found]
    from pgqueuer import PgQueuer  # type: ignore[import-not-found]

    connection = await asyncpg.connect(os.environ["DATABASE_URL"], server_settings={"synchronous_commit": "off"})
    queue = PgQueuer.from_asyncpg_connection(connection)

    @queue.entrypoint("hold")  # type: ignore[untyped-decorator]
    async def hold(job: Any) -> None:
        _recorder.add(job.payload.decode(), clock())

    await Processor(0.0).all_ready()
    await queue.run()


async def procrastinate() -> None:
    """Take jobs until the process is ended."""
    from procrastinate import App, PsycopgConnector  # type: ignore[import-not-found]

    options = {"options": "-c synchronous_commit=off"}
    app = App(connector=PsycopgConnector(conninfo=os.environ["DATABASE_URL"], kwargs=options))

    @app.task(name="hold")  # type: ignore[untyped-decorator]
    async def hold(user: str) -> None:
        _recorder.add(user, clock())

    async with app.open_async():
        await Processor(0.0).all_ready()
        await app.run_worker_async(install_signal_handlers=False)


if __name__ == "__main__":
    work = {"pgqueuer": pgqueuer, "procrastinate": procrastinate}[sys.argv[1]]
    uvloop.run(work())
