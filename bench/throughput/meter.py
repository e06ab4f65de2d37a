"""CPU seconds and memory of processes: workers, web server and database server."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

import psutil
import psycopg


def server_process(url: str) -> psutil.Process:
    """Return the database server's postmaster. Raises psutil.NoSuchProcess if it is not on this machine."""
    with psycopg.connect(url) as connection:
        parent = psutil.Process(connection.info.backend_pid).parent()
    if parent is None:
        raise psutil.NoSuchProcess(0, msg="the database server is not on this machine")
    return parent


def families(roots: Iterable[psutil.Process]) -> list[psutil.Process]:
    """Return these processes and their descendants, without those that have ended."""
    found = []
    for root in roots:
        with suppress(psutil.NoSuchProcess):
            found += [root, *root.children(recursive=True)]
    return found


def cpu_seconds(roots: Iterable[psutil.Process]) -> float:
    """Return the CPU seconds, user and system, that these processes and their descendants have used so far."""
    total = 0.0
    for process in families(roots):
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system
    return total


def memory_mb(roots: Iterable[psutil.Process]) -> float:
    """Return the memory of these processes and their descendants in MB (PSS: a shared page counts in part)."""
    total = 0
    for process in families(roots):
        with suppress(psutil.Error):
            total += process.memory_full_info().pss
    return total / 2**20
