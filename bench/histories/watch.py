"""Watches the processes that run tasks, and records their ends: a process that dies leaves its run without one."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from pathlib import Path

from bench.histories.record import write

EVERY = 0.02
"""Seconds between two looks at the history and the processes."""


class Watch(threading.Thread):
    """A thread that follows the history file, and records `gone` for each of its processes that has ended."""

    def __init__(self, path: Path) -> None:
        super().__init__(name="watch", daemon=True)
        self._path, self._read, self._over = path, 0, threading.Event()
        self._alive: dict[int, tuple[str, int]] = {}
        """By pid: the start time (kernel ticks), and when it was last seen alive (monotonic nanoseconds)."""

    def stop(self) -> None:
        """Look once more and end the thread."""
        self._over.set()
        self.join()

    def run(self) -> None:
        while not self._over.wait(EVERY):
            self._look()
        self._look()

    def _look(self) -> None:
        for pid in self._new():
            self._alive.setdefault(pid, (_started(pid), time.monotonic_ns()))
        for pid, (started, seen) in list(self._alive.items()):
            now = time.monotonic_ns()
            if started and _started(pid) == started:
                self._alive[pid] = (started, now)
            else:
                del self._alive[pid]
                write("watch", "info", "gone", {"pid": pid, "seen": seen})

    def _new(self) -> set[int]:
        """Return the pids of the runs that began since the last look."""
        with contextlib.suppress(FileNotFoundError), self._path.open("rb") as file:
            file.seek(self._read)
            text = file.read()
            whole = text[: text.rfind(b"\n") + 1]
            self._read += len(whole)
            operations = [json.loads(line) for line in whole.splitlines() if b'"run"' in line and b'"invoke"' in line]
            return {operation["value"]["pid"] for operation in operations}
        return set()


def _started(pid: int) -> str:
    """Return the start time of the process in kernel ticks; empty if it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in {"Z", "X"} else fields[19]
