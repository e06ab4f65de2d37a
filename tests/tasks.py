"""Tasks that misbehave, for tests: this package is an installed app of theirs."""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import Any

from queueapp.errors import JobFailed
from queueapp.registry import Handle, task


@task("nap")
def nap(job: Handle, seconds: float) -> str:
    """Sleep for so long, whatever was declared."""
    time.sleep(seconds)
    return f"attempt {job.attempt}"


@task("fail")
def fail(job: Handle, how: str = "error") -> Any:
    """End badly, in one of several ways."""
    if how == "refuse":
        raise JobFailed("Not today.")
    if how == "exit":
        sys.exit("left")
    if how == "nan":
        return float("nan")
    if how == "object":
        return object()
    if how == "nul":
        return "a\x00b"
    raise ValueError("it broke")


@task("kill")
def kill(job: Handle, times: int) -> str:
    """Kill the processor on the first so many attempts."""
    if job.attempt <= times:
        os.kill(os.getpid(), signal.SIGKILL)
    return f"attempt {job.attempt}"
