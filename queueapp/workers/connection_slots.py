"""Slots for database connections: of the processes of a cluster, only so many have a connection at a time."""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import suppress
from typing import Any

from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper

from .shared_file import SharedFile

LOOK_SECONDS = 0.02
"""Seconds between two looks for a free slot."""
HOLD_SECONDS = 0.25
"""Seconds for which a process may keep its slot while others wait. A new connection costs as much as dozens of turns.
"""
OWN = 3
"""Connections of a cluster beside those of workers and tasks: the broker's, its LISTEN's and the command's."""


class ConnectionSlots:
    """Slots that the processes of a cluster share. A process has at most one, and needs none unless they are scarce.

    A slot is a lock on a byte of an unnamed file. The kernel releases it when the process ends, however it ends. A
    child that a task forks while it has a slot needs none: it would wait for its parent, which may wait for it.
    """

    _WAITING = 0
    """The byte that all processes that wait for a slot lock together."""

    def __init__(self) -> None:
        self.scarce = False
        """Whether there are fewer slots than processes: a process then gives its slot back while it waits."""
        self.fd = -1
        self._many = self._slot = 0
        self._taken_at = 0.0

    def share(self, many: int, processes: int) -> None:
        """Make `many` slots for so many processes. Before they are forked."""
        if many < processes:
            self.scarce, self._many = True, many
            self.fd = SharedFile("slots").fd

    def take(self) -> None:
        """Take a slot, if this process has none. Waits until one is free."""
        if self._slot or not self.scarce:
            return
        if not self._take_free():
            fcntl.lockf(self.fd, fcntl.LOCK_SH, 1, self._WAITING)
            try:
                while not self._take_free():  # any slot may become free, so none of them can be waited for
                    time.sleep(LOOK_SECONDS)
            finally:
                self._unlock(self._WAITING)

    def _take_free(self) -> bool:
        first = os.getpid() % self._many
        for n in range(self._many):
            slot = 1 + (first + n) % self._many
            if self._lock(slot):
                self._slot, self._taken_at = slot, time.monotonic()
                return True
        return False

    def give_back(self) -> None:
        """Give the slot of this process back, if it has one. Its connection must be closed."""
        if self._slot:
            self._unlock(self._slot)
            self._slot = 0

    @property
    def wanted(self) -> bool:
        """Whether another process waits for a slot."""
        if not self.scarce or not self._lock(self._WAITING):
            return self.scarce
        self._unlock(self._WAITING)
        return False

    @property
    def overdue(self) -> bool:
        """Whether another process waits for a slot, and this one has had its own for HOLD_SECONDS."""
        return self.scarce and time.monotonic() - self._taken_at >= HOLD_SECONDS and self.wanted

    def bound(self, database: BaseDatabaseWrapper) -> None:
        """Let this connection take a slot before it opens."""
        opened = database.get_new_connection

        def get_new_connection(parameters: Any) -> Any:
            self.take()
            return opened(parameters)

        database.get_new_connection = get_new_connection  # type: ignore[assignment, method-assign]

    def _lock(self, byte: int) -> bool:
        with suppress(BlockingIOError, PermissionError):
            fcntl.lockf(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, byte)
            return True
        return False

    def _unlock(self, byte: int) -> None:
        with suppress(OSError):  # a task closed the file, and so released the lock
            fcntl.lockf(self.fd, fcntl.LOCK_UN, 1, byte)


workers = ConnectionSlots()
"""For the workers of the cluster."""
tasks = ConnectionSlots()
"""For their task processes, which connect if a task uses the database."""


def slots_of(processors: int, connections: int) -> tuple[int, int]:
    """Return the slots of workers and of tasks if a cluster may have so many connections. At least one each."""
    of_workers = min(processors, max((connections - OWN) // 2, 1))
    return of_workers, min(processors, max(connections - OWN - of_workers, 1))


def share(processors: int, connections: int) -> None:
    """Make the slots of a cluster of so many processors. Before its processes are forked."""
    of_workers, of_tasks = slots_of(processors, connections)
    workers.share(of_workers, processors)
    tasks.share(of_tasks, processors)


def give_back_connection() -> None:
    """Close this worker's connection, and give its slot back."""
    connection.close()
    workers.give_back()
