"""Record operations in a history: one JSON object a line. Many processes append to one file.

    {"process": "user3", "type": "invoke", "f": "submit", "value": {"jobs": [...]}, "time": 81234567890}

`type`: invoke (it begins), ok (it took effect), fail (it had no effect), info (its effect is unknown). `time`:
nanoseconds of the machine's monotonic clock, which all processes share. A line is one write() to a file opened with
O_APPEND.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

PATH = "BENCH_HISTORY"
"""Environment variable with the path of the run's history."""

# Hostile tasks replace these functions, close all files and empty the environment. They must be recorded all the same.
_append, _open, _close, _dumps, _pid = os.write, os.open, os.close, json.dumps, os.getpid
_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT
_clock: Callable[[], int] = __import__("time").monotonic_ns
_path = os.environ.get(PATH, "")


def to(path: str) -> None:
    """Record this process's operations in the file at `path`; "": nowhere. Child processes find it in PATH."""
    global _path
    _path = os.environ[PATH] = path


def write(process: str, kind: str, f: str, value: Any) -> None:
    """Append one operation, if there is a history. Raises OSError if the process has no file descriptor left."""
    if not _path:
        return
    line = _dumps({"process": process, "type": kind, "f": f, "value": value, "time": _clock()}) + "\n"
    file = _open(_path, _FLAGS, 0o644)
    try:
        _append(file, line.encode())
    finally:
        _close(file)


class Operation:
    """An operation that has begun. Exactly one of `ok`, `fail` and `info` ends it. A process has one at a time."""

    def __init__(self, process: str, f: str, value: Any) -> None:
        self._process, self._f = process, f
        write(process, "invoke", f, value)

    def ok(self, value: Any) -> None:
        """End the operation: it took effect, with this value."""
        write(self._process, "ok", self._f, value)

    def fail(self, value: Any) -> None:
        """End the operation: it had no effect."""
        write(self._process, "fail", self._f, value)

    def info(self, value: Any) -> None:
        """End the operation: nobody knows whether it had an effect."""
        write(self._process, "info", self._f, value)


@contextmanager
def running(job_id: str, attempt: int) -> Iterator[None]:
    """Record that the job runs in this process until the block is left. A process that dies leaves no end."""
    # Bound here: the task in the block may replace the module's names, or clear the environment.
    value = {"job": job_id, "attempt": attempt, "pid": _pid()}
    write(f"task {_pid()}", "invoke", "run", value)
    try:
        yield
    except BaseException:
        _end("fail", value)
        raise
    _end("ok", value)


def _end(kind: str, value: Any) -> None:
    if value["pid"] != _pid():
        return  # a fork of the task left the block, and the run goes on
    try:
        write(f"task {_pid()}", kind, "run", value)
    except (OSError, MemoryError, RecursionError):
        return  # without a recorded end, the run ends for the checker with its process
