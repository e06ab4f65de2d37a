"""Tasks that do not stop when they are to, or keep everybody else in their process from running."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import threading
import time

from django.db import connection

from bench.hostile.kinds import kind
from queueapp.registry import JobContext

LONG = 30.0
"""Seconds that a task would take that is to stop."""


@kind("signals-blocked", limit=1.0, attempts=1, ends="failed", says="limit")
def signals_blocked(job: JobContext) -> None:
    """Block all signals and run beyond the time limit."""
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    time.sleep(LONG)


@kind("signals-ignored", limit=1.0, attempts=1, ends="failed", says="limit")
def signals_ignored(job: JobContext) -> None:
    """Ignore all signals and run beyond the time limit."""
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_IGN)
    time.sleep(LONG)


@kind("swallows", limit=1.0, attempts=1, ends="failed", says="limit")
def swallows(job: JobContext) -> None:
    """Swallow every exception beyond the time limit."""
    until = time.monotonic() + LONG
    while time.monotonic() < until:
        with contextlib.suppress(BaseException):
            time.sleep(0.05)


@kind("swallows-once", limit=1.0, attempts=1)
def swallows_once(job: JobContext) -> str:
    """Swallow the exception at the time limit and return."""
    with contextlib.suppress(BaseException):
        time.sleep(LONG)
    return "swallowed"


@kind("tidies-up", limit=1.0, attempts=1, ends="failed", says="limit")
def tidies_up(job: JobContext) -> None:
    """Tidy up in five steps of 0.12 s at the time limit, of which one may be interrupted."""
    interrupted = 0
    try:
        time.sleep(LONG)
    finally:
        for _ in range(5):
            try:
                time.sleep(0.12)
            except BaseException:
                interrupted += 1
        if interrupted > 1:
            raise RuntimeError(f"Interrupted {interrupted} times in 0.6 s while it tidied up.")


@kind("tidies-up-long", limit=1.0, attempts=1, ends="failed", says="limit")
def tidies_up_long(job: JobContext) -> None:
    """Tidy up in five steps of 0.3 s at the time limit."""
    try:
        time.sleep(LONG)
    finally:
        for step in range(5):
            time.sleep(0.3)
            job.progress((step + 1) / 5, f"{step + 1} of 5 steps")


@kind("database-sleep", limit=1.0, attempts=1, ends="failed", says="limit")
def database_sleep(job: JobContext) -> None:
    """Sleep in the database at the time limit."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(%s)", [LONG])


@kind("database-swallows", limit=1.0, attempts=1, ends="failed", says="limit")
def database_swallows(job: JobContext) -> None:
    """Query the database on and on, whatever is raised."""
    until = time.monotonic() + LONG
    while time.monotonic() < until:
        with contextlib.suppress(BaseException), connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(0.05)")


@kind("join", limit=1.0, attempts=1, ends="failed", says="limit")
def join(job: JobContext) -> None:
    """Wait for a lock that nobody gives back."""
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()


@kind("child-at-limit", limit=1.0, attempts=1, ends="failed", says="limit")
def child_at_limit(job: JobContext) -> None:
    """Wait for a child at the time limit."""
    subprocess.run(["sleep", str(LONG)], check=True)


@kind("holds-gil")
def holds_gil(job: JobContext) -> int:
    """Hold the interpreter's lock in C for some 4 s: longer than a lease here."""
    begin = time.monotonic()
    sum(range(20_000_000))
    second = 20_000_000 / (time.monotonic() - begin)
    return sum(range(int(4 * second)))


@kind("holds-gil-at-limit", limit=1.0, attempts=1, ends="failed", says="limit")
def holds_gil_at_limit(job: JobContext) -> int:
    """Hold the interpreter's lock in C for minutes, with a time limit of 1 s."""
    return sum(range(10**11))


@kind("recursion")
def recursion(job: JobContext) -> None:
    """Recurse without end."""
    recursion(job)


@kind("outruns", patience=25)
def outruns(job: JobContext) -> None:
    """Take 3 s where 2 ms were declared."""
    time.sleep(3)


@kind("many-progress")
def many_progress(job: JobContext) -> None:
    """Tell of progress a million times."""
    for n in range(1_000_000):
        job.progress(n / 1_000_000, "x")
