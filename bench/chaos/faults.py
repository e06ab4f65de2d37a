"""The faults of a run. Each is a function of the stand and a random generator, and returns the name of what it hit."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from contextlib import suppress

import psutil

from bench.chaos.stand import Stand

Fault = Callable[[Stand, random.Random], str | None]
"""Returns None if there was nothing to hit."""


def kill_worker(stand: Stand, chance: random.Random) -> str | None:
    """Kill a processor, busy or idle."""
    workers = _parts(stand, chance)[1]
    return _kill(chance.choice(workers), "processor") if workers else None


def kill_pusher(stand: Stand, chance: random.Random) -> str | None:
    """Kill the helper process that was started last: the pusher, or the monitor once it has been restarted."""
    helpers = _parts(stand, chance)[2]
    return _kill(max(helpers, key=lambda process: process.create_time()), "pusher") if len(helpers) > 1 else None


def kill_sentinel(stand: Stand, chance: random.Random) -> str | None:
    """Kill the sentinel, django-q2's supervisor of a cluster."""
    sentinel = _parts(stand, chance)[0]
    return _kill(sentinel, "sentinel") if sentinel is not None else None


def kill_cluster(stand: Stand, chance: random.Random) -> str | None:
    """Kill all processes of a cluster at once, as when a host dies. The stand restarts it."""
    process = stand.process(chance.choice(stand.clusters))
    for each in [process, *process.children(recursive=True)]:
        with suppress(psutil.NoSuchProcess):
            each.kill()
    return "cluster"


def kill_web(stand: Stand, chance: random.Random) -> str | None:
    """Kill the web server while it answers requests. The stand restarts it."""
    return _kill(stand.process("web"), "web server")


def cut_connections(stand: Stand, chance: random.Random) -> str | None:
    """Terminate all connections to the database."""
    stand.database.query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    return "connections"


def restart_smart(stand: Stand, chance: random.Random) -> str | None:
    """Restart the database, smart: no new connections for 3 s, present ones stay. Then fast, if any is left."""
    stand.database.restart("smart")
    return "database, smart"


def restart_fast(stand: Stand, chance: random.Random) -> str | None:
    """Restart the database, fast: all transactions are rolled back."""
    stand.database.restart("fast")
    return "database, fast"


def restart_immediate(stand: Stand, chance: random.Random) -> str | None:
    """Restart the database, immediate: it recovers from its WAL, and loses commits that were not flushed."""
    stand.database.restart("immediate")
    return "database, immediate"


def fill_disk(stand: Stand, chance: random.Random) -> str | None:
    """Keep the database's files from growing for FULL_FOR seconds."""
    stand.database.fill_disk()
    return "disk full"


FAULTS: tuple[Fault, ...] = (
    kill_worker,
    cut_connections,
    kill_web,
    kill_pusher,
    restart_fast,
    kill_sentinel,
    kill_worker,
    restart_immediate,
    kill_web,
    kill_cluster,
    restart_smart,
)
"""The faults of one round. The full disk (`fill_disk`) comes once a run."""


def _kill(process: psutil.Process, what: str) -> str | None:
    try:
        process.kill()
    except psutil.NoSuchProcess:
        return None
    return what


def _parts(
    stand: Stand, chance: random.Random
) -> tuple[psutil.Process | None, list[psutil.Process], list[psutil.Process]]:
    """Return the sentinel of a random cluster, its processors and its other children.

    Waits up to 5 s for a cluster with processors, then returns (None, [], []).
    """
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        with suppress(psutil.NoSuchProcess):
            for sentinel in stand.process(chance.choice(stand.clusters)).children():
                children = sentinel.children()
                known = {pid for (pid,) in stand.database.query("SELECT pid FROM queueapp_processor")}
                workers = [process for process in children if process.pid in known]
                if workers:
                    return sentinel, workers, [process for process in children if process.pid not in known]
        time.sleep(0.2)
    return None, [], []
