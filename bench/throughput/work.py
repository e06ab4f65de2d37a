"""Processors of the throughput bench: python -m bench.throughput.work KIND SETTINGS (JSON). Jobs are no-ops."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import psycopg
import uvloop

from bench.harness import READY

BARE = """
    WITH done AS (
        UPDATE bench_bare SET state = 'done' WHERE id = ANY (%s)
    ), taken AS (
        SELECT id FROM bench_bare WHERE state = 'waiting' ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED
    )
    UPDATE bench_bare SET state = 'running' FROM taken WHERE bench_bare.id = taken.id RETURNING bench_bare.id"""
"""Ends the last turn and takes the next one, in one statement on one table, without fairness."""
ASYNCHRONOUSLY = "-c synchronous_commit=off"
BY_INDEX = "-c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off"
"""The plan of the prepared statement does not know the LIMIT. By default it reads the whole table each time."""


def ready() -> None:
    """Print READY, and wait until all processes are ready."""
    sys.stdout.write(f"{READY}\n")
    sys.stdout.flush()
    sys.stdin.readline()


def bare(settings: dict[str, Any]) -> None:
    """Do the least that a queue in this database can do, until nothing waits. Then stay idle, as the others do."""
    options = BY_INDEX if settings["durable"] else f"{BY_INDEX} {ASYNCHRONOUSLY}"
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True, options=options, prepare_threshold=0) as database:
        ready()
        ids: list[int] = []
        while True:
            ids = [row[0] for row in database.execute(BARE, (ids, settings["turn"]))]
            if not ids:
                sys.stdin.read()


LONGEST = 600
"""Seconds that pgbench would run. The bench's run ends sooner, and ends it."""


def pgbench(settings: dict[str, Any]) -> None:
    """Replace this process by pgbench, which goes on when nothing waits any more."""
    many, turn = str(settings["connections"]), f"turn={settings['turn']}"
    os.environ["PGOPTIONS"] = f"{BY_INDEX} {ASYNCHRONOUSLY}"
    script = str(Path(__file__).with_name("once.sql"))
    terms = ["-n", "-M", "prepared", "-c", many, "-T", str(LONGEST), "-D", turn, "-f", script]
    ready()
    os.execv(settings["program"], ["pgbench", *terms, os.environ["DATABASE_URL"]])


async def pgqueuer(settings: dict[str, Any]) -> None:
    """Run a worker of pgqueuer. `run` in the settings has the arguments of its run()."""
    import asyncpg  # type: ignore[import-not-found]
    from pgqueuer import PgQueuer  # type: ignore[import-not-found]

    connection = await asyncpg.connect(os.environ["DATABASE_URL"], server_settings={"synchronous_commit": "off"})
    queue = PgQueuer.from_asyncpg_connection(connection)

    @queue.entrypoint("hold")  # type: ignore[untyped-decorator]
    async def nothing(job: Any) -> None:
        pass

    await asyncio.to_thread(ready)
    await queue.run(**settings["run"])


async def procrastinate(settings: dict[str, Any]) -> None:
    """Run a worker of procrastinate. `run` in the settings has the arguments of its run_worker_async()."""
    from procrastinate import App, PsycopgConnector  # type: ignore[import-not-found]

    connector = PsycopgConnector(conninfo=os.environ["DATABASE_URL"], kwargs={"options": ASYNCHRONOUSLY})
    app = App(connector=connector)

    @app.task(name="hold")  # type: ignore[untyped-decorator]
    async def nothing(user: str) -> None:
        pass

    async with app.open_async():
        await asyncio.to_thread(ready)
        await app.run_worker_async(install_signal_handlers=False, **settings["run"])


if __name__ == "__main__":
    asked = json.loads(sys.argv[2])
    if sys.argv[1] in ("bare", "pgbench"):
        {"bare": bare, "pgbench": pgbench}[sys.argv[1]](asked)
    else:
        uvloop.run({"pgqueuer": pgqueuer, "procrastinate": procrastinate}[sys.argv[1]](asked))
