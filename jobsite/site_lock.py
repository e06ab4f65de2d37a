"""That a site runs in a folder: `folder`/site.lock, locked by `make run` and held open by all its processes.

So those processes can be found without their names, and without numbers that may be another program's by now.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable
from pathlib import Path

import psutil

DEADLINE = 30.0
"""Seconds that an earlier start whose command was killed has to stop; the processors' grace period is shorter."""
LOOK_EVERY = 0.1


class Taken(Exception):
    """No site can run in this folder now; the text says why, and what to do."""


def take(folder: Path, address: str, say: Callable[[str], None]) -> int:
    """The descriptor of the lock, for children to inherit. Raises Taken; waits for a site that is just stopping."""
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
        time.sleep(LOOK_EVERY)
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"{os.getpid()} {address}".encode(), 0)
    return lock


def holders(folder: Path) -> list[psutil.Process]:
    """The processes, but this one, that have the lock's file open."""
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
    except OSError:  # it has ended, or is another account's
        return False
    return False


def _locked(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
