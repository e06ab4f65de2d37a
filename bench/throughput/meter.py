"""What processes cost: the CPU seconds and the memory of the workers and of the database server."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

import psutil
import psycopg


def server_process(url: str) -> psutil.Process:
    """The process that all of the server's others descend from. Raises psutil.NoSuchProcess where it is elsewhere."""
    with psycopg.connect(url) as connection:
        parent = psutil.Process(connection.info.backend_pid).parent()
    if parent is None:
        raise psutil.NoSuchProcess(0, msg="the database server is not on this machine")
    return parent


def families(roots: Iterable[psutil.Process]) -> list[psutil.Process]:
    """These processes and all that descend from them."""
    found = []
    for root in roots:
        with suppress(psutil.NoSuchProcess):
            found += [root, *root.children(recursive=True)]
    return found


def cpu_seconds(roots: Iterable[psutil.Process]) -> float:
    """What they have used so far: user and system."""
    total = 0.0
    for process in families(roots):
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system
    return total


def memory_mb(roots: Iterable[psutil.Process]) -> float:
    """What would be free without them, in MB: shared pages count in part."""
    total = 0
    for process in families(roots):
        with suppress(psutil.Error):
            total += process.memory_full_info().pss
    return total / 2**20
