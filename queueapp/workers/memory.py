"""The memory that a process holds, and a limit on it."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager


def resident_bytes(pid: int) -> int:
    """Return the resident memory of a process, in bytes; 0 if the system does not report it."""
    try:
        with open(f"/proc/{pid}/statm") as file:
            return int(file.read().split()[1]) * resource.getpagesize()
    except (OSError, ValueError, IndexError):
        return 0


@contextmanager
def bounded_memory(megabytes: float | None) -> Iterator[None]:
    """Limit the address space of this process to its present size plus `megabytes` (10^6 bytes). None: no limit."""
    if megabytes is None:
        yield
        return
    before = resource.getrlimit(resource.RLIMIT_AS)
    with open("/proc/self/statm") as file:
        taken = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + int(megabytes * 1e6), before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
