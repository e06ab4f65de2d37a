"""The lock of a running site: `folder`/site.lock. `make run` locks it, and all processes of the site hold it open,
except the embedded database and its keeper.

So these processes can be found without their names, and without process ids that another program may have by now.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable
from pathlib import Path

import psutil

DEADLINE = 30.0
"""Seconds that processes of an earlier start have to stop. The processors' grace period is shorter."""
POLL_SECONDS = 0.1


class Taken(Exception):
    """No site can run in this folder now. The text says why and what to do."""


def take(folder: Path, address: str, say: Callable[[str], None]) -> int:
    """Lock `folder`/site.lock and return its descriptor, for children to inherit.

    Waits up to DEADLINE seconds for a site that is stopping. Raises Taken.
    """
    path = folder / "site.lock"
    try:
        lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise Taken(
            f"{path} cannot be used ({error.strerror}): start as the account that it belongs to, or set VAR_DIR."
        ) from None
    deadline = None
    while not _locked(lock):
        pid, _, at = path.read_text().partition(" ")
        if pid in {str(process.pid) for process in holders(folder)}:
            raise Taken(f"The site runs already at {at} (process {pid}); stop it with: make stop")
        if deadline is None:
            say("An earlier start is still stopping; waiting for it.")
            deadline = time.monotonic() + DEADLINE
        if time.monotonic() > deadline:
            raise Taken("Processes of an earlier start are still there; stop them with: make stop")
        time.sleep(POLL_SECONDS)
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"{os.getpid()} {address}".encode(), 0)
    return lock


def holders(folder: Path) -> list[psutil.Process]:
    """Return the processes that have the lock's file open, without this one."""
    try:
        file = (folder / "site.lock").stat()
    except FileNotFoundError:
        return []
    found = []
    for process in psutil.process_iter():
        if process.pid != os.getpid() and _has_open(process.pid, file):
            found.append(process)
    return found


def _has_open(pid: int, file: os.stat_result) -> bool:
    try:
        for descriptor in os.scandir(f"/proc/{pid}/fd"):
            try:
                if os.path.samestat(os.stat(descriptor.path), file):
                    return True
            except OSError:
                continue
    except OSError:  # the process has ended, or belongs to another account
        return False
    return False


def _locked(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
