"""What a task may leave changed in its process. A process that is not as it was is replaced, never repaired."""

from __future__ import annotations

import gc
import logging
import os
import resource
import signal
import sys
import threading
from asyncio import events
from collections.abc import Callable
from typing import Any

THREADS_MOST = 32
"""Threads that tasks may leave running, for the pools of the libraries that they use."""
DESCRIPTORS_MOST = 64
"""File descriptors that tasks may leave open, for the same."""

_LIMITS = [getattr(resource, name) for name in ("RLIMIT_NOFILE", "RLIMIT_AS", "RLIMIT_DATA", "RLIMIT_FSIZE")]
_SIGNALS = (
    signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM, signal.SIGCHLD,
    signal.SIGPIPE,
)  # fmt: skip

_environment: dict[bytes, bytes] = vars(os.environ)["_data"]  # as bytes: to decode all of it takes 14 us


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


# Each in about a microsecond or less: this is asked after every job.
_PARTS: dict[str, Callable[[], Any]] = {
    "working directory": os.getcwd,
    "environment": lambda: _environment.copy(),
    "umask": _umask,
    "signal handlers": lambda: [signal.getsignal(number) for number in _SIGNALS],
    "blocked signals": lambda: signal.pthread_sigmask(signal.SIG_BLOCK, ()),
    "timers": lambda: [signal.getitimer(which)[0] > 0 for which in (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL)],
    "resource limits": lambda: [resource.getrlimit(which) for which in _LIMITS],
    "priority": lambda: os.getpriority(os.PRIO_PROCESS, 0),
    "identity": lambda: (os.geteuid(), os.getegid()),
    "event loop": events._get_running_loop,
    "standard streams": lambda: (sys.stdout, sys.stderr, sys.stdin, sys.stdout.closed, sys.stderr.closed),
    "interpreter": lambda: (sys.getrecursionlimit(), sys.getswitchinterval(), sys.gettrace(), sys.getprofile()),
    "garbage collector": lambda: (gc.isenabled(), gc.get_threshold()),
    "hooks": lambda: (sys.excepthook, threading.excepthook, sys.path[:]),
    "logging": lambda: (logging.root.manager.disable, logging.root.handlers[:], logging.root.level),
}


class ProcessState:
    """The state of this process when it is made; changes() compares it with the present one."""

    def __init__(self) -> None:
        self._parts = dict(_PARTS)
        self._before = {name: look() for name, look in self._parts.items()}
        self._lowest = _lowest_free_descriptor()

    def changes(self) -> str | None:
        """What is not as it was, in words; None: nothing. Reaps the task's ended children."""
        for name, look in self._parts.items():
            try:
                if look() != self._before[name]:
                    return name
            except Exception:  # a working directory that is gone, say
                return name
        if threading.active_count() > THREADS_MOST:
            return "threads"
        if not self._lowest <= _lowest_free_descriptor() <= self._lowest + DESCRIPTORS_MOST:
            return "file descriptors"
        return "child processes" if _has_children() else None


def _lowest_free_descriptor() -> int:
    """The number that the next file gets: lower where a file was closed, higher with every one left open."""
    try:
        free = os.dup(0)
    except OSError:
        return -1
    os.close(free)
    return free


def _has_children() -> bool:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    return True
