"""Tasks that misbehave, for tests: this package is an installed app of theirs."""

from __future__ import annotations

import contextlib
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


@task("stubborn", time_limit=0.5, max_attempts=1)
def stubborn(job: Handle, seconds: float, polite: bool = False) -> str:
    """Go on for so long, and do not let anything stop it but, where `polite`, the handle."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and not (polite and job.cancelled):
        with contextlib.suppress(BaseException):
            time.sleep(0.02)
    return "stopped politely" if job.cancelled else "never stopped"


@task("flaky", max_attempts=4)
def flaky(job: Handle, failures: int) -> str:
    """Fail on the first so many attempts."""
    time.sleep(0.05)
    if job.attempt <= failures:
        raise ValueError(f"attempt {job.attempt}")
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
