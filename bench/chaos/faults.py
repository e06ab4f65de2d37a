"""What goes wrong in a run: each fault a function of the stand and a source of chance, which says what it did."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from contextlib import suppress

import psutil

from bench.chaos.stand import Stand

Fault = Callable[[Stand, random.Random], str | None]
"""None: there was nothing to hit at the moment."""


def kill_worker(stand: Stand, chance: random.Random) -> str | None:
    """A processor, at work or idle."""
    workers = _parts(stand, chance)[1]
    return _kill(chance.choice(workers), "processor") if workers else None


def kill_pusher(stand: Stand, chance: random.Random) -> str | None:
    """Of what is no processor, the one started last: the pusher; the monitor once that has died."""
    helpers = _parts(stand, chance)[2]
    return _kill(max(helpers, key=lambda process: process.create_time()), "pusher") if len(helpers) > 1 else None


def kill_sentinel(stand: Stand, chance: random.Random) -> str | None:
    """django-q2's supervisor of a cluster."""
    sentinel = _parts(stand, chance)[0]
    return _kill(sentinel, "sentinel") if sentinel is not None else None


def kill_cluster(stand: Stand, chance: random.Random) -> str | None:
    """A cluster with all its processes at once, as when a host dies; it is started again."""
    process = stand.process(chance.choice(stand.clusters))
    for each in [process, *process.children(recursive=True)]:
        with suppress(psutil.NoSuchProcess):
            each.kill()
    return "cluster"


def kill_web(stand: Stand, chance: random.Random) -> str | None:
    """The web server, in the middle of whatever it answers; it is started again."""
    return _kill(stand.process("web"), "web server")


def cut_connections(stand: Stand, chance: random.Random) -> str | None:
    """All connections to the database."""
    stand.database.query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    return "connections"


def restart_smart(stand: Stand, chance: random.Random) -> str | None:
    """The database: nobody new for 3 s while those who are there stay, then fast."""
    stand.database.restart("smart")
    return "database, smart"


def restart_fast(stand: Stand, chance: random.Random) -> str | None:
    """The database: everyone's transaction is rolled back."""
    stand.database.restart("fast")
    return "database, fast"


def restart_immediate(stand: Stand, chance: random.Random) -> str | None:
    """The database, as by a crash: it recovers from its log, without what was not flushed."""
    stand.database.restart("immediate")
    return "database, immediate"


def fill_disk(stand: Stand, chance: random.Random) -> str | None:
    """No file of the database can grow for some seconds."""
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
"""One round; the disk is full once a run."""


def _kill(process: psutil.Process, what: str) -> str | None:
    try:
        process.kill()
    except psutil.NoSuchProcess:
        return None
    return what


def _parts(
    stand: Stand, chance: random.Random
) -> tuple[psutil.Process | None, list[psutil.Process], list[psutil.Process]]:
    """Of one cluster the sentinel, the processors, and the others that it has."""
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
