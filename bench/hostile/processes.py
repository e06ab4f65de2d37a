"""The processes of a run, orphans included."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import psutil

MARK = "BENCH_HOSTILE"
"""Environment variable that marks the processes of one run."""


def marked(mark: str) -> list[psutil.Process]:
    """Return all processes that began with this run's mark, orphans included, except this process."""
    text = f"{MARK}={mark}".encode()
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(OSError):
            if process.pid != os.getpid() and text in Path(f"/proc/{process.pid}/environ").read_bytes():
                found.append(process)
    return found


def family(pid: int) -> list[psutil.Process]:
    """Return the process and its descendants; [] if it has ended."""
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def runs(process: psutil.Process) -> bool:
    """Whether the process runs. A zombie does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def name(process: psutil.Process) -> str:
    """Return a short name: the end of the command line, at most 40 characters."""
    try:
        return " ".join(process.cmdline()[-2:])[:40] or str(process.name())
    except psutil.Error:
        return "ended since"
