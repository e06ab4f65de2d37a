"""The processes of a run, those that have lost their parents, too."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import psutil

MARK = "BENCH_HOSTILE"
"""Environment variable that tells the processes of one run from all others."""


def marked(mark: str) -> list[psutil.Process]:
    """All processes that began with this run's environment, orphans of orphans too."""
    text = f"{MARK}={mark}".encode()
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(OSError):
            if process.pid != os.getpid() and text in Path(f"/proc/{process.pid}/environ").read_bytes():
                found.append(process)
    return found


def family(pid: int) -> list[psutil.Process]:
    """The process and its descendants."""
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def runs(process: psutil.Process) -> bool:
    """Whether it has not ended; a zombie has."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def name(process: psutil.Process) -> str:
    """What it is, in a few words."""
    try:
        return " ".join(process.cmdline()[-2:])[:40] or str(process.name())
    except psutil.Error:
        return "ended since"
