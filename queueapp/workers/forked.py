"""Fork handling of a cluster: its processes end with their parent, and leave stop signals to the command."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from enum import Enum, auto

import psutil

ORPHANS_SECONDS = 1.0
"""Seconds after which processes that cannot be ended are left alone."""
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_PR_SET_CHILD_SUBREAPER = 36

_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


class _Children(Enum):
    """The kind of processes that this process forks."""

    NOTHING = auto()
    CLUSTER = auto()
    TASKS = auto()


_STOPS = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}
_OF_TASKS = _STOPS | {signal.SIGUSR1}
_children = _Children.NOTHING
_adopts_orphans = False
_forking = threading.local()
"""`mask`: the signals that the thread which forks had blocked before."""


def keep_family_together() -> None:
    """Make all processes forked from now on block SIGTERM, SIGINT and SIGHUP, and (on Linux) end with their parent.

    This includes children of children. The command that calls this decides when its processes end. A signal to all of
    them, as systemd sends it, would end running jobs at once. A command killed alone would leave workers without a
    supervisor.
    """
    global _children
    if _children is _Children.NOTHING:
        os.register_at_fork(before=_before_fork, after_in_parent=_after_in_parent, after_in_child=_after_fork)
    _children = _Children.CLUSTER


def detach_children() -> None:
    """Give processes forked from now on, a task's own, the default handlers of SIGTERM, SIGINT, SIGHUP and SIGUSR1."""
    global _children
    _children = _Children.TASKS


def adopt_orphans() -> None:
    """Make this process the parent of descendants that lose theirs (a subreaper). Linux only, else no effect."""
    global _adopts_orphans
    if _libc is not None:
        _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        _adopts_orphans = True


def end_orphans() -> None:
    """Kill and reap all children, if adopt_orphans() was called.

    Call it in a worker whose task process has ended: all its children are orphans then.
    """
    deadline = time.monotonic() + ORPHANS_SECONDS
    while _adopts_orphans and has_children() and time.monotonic() < deadline:
        for child in psutil.Process().children(recursive=True):
            with suppress(psutil.Error):
                child.kill()
        time.sleep(0.002)


def has_children() -> bool:
    """Whether this process has children that run. Reaps those that have ended."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    return True


def _before_fork() -> None:
    """Block the signals until the child has its own handlers. One that came before would be lost, as Python drops it:
    then a pool that ends its processes as they begin waits for them for ever."""
    _forking.mask = signal.pthread_sigmask(signal.SIG_BLOCK, _OF_TASKS)


def _after_in_parent() -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, _forking.mask)


def _after_fork() -> None:
    if _children is _Children.CLUSTER:
        if _libc is not None:
            _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        signal.pthread_sigmask(signal.SIG_SETMASK, _forking.mask | _STOPS)
    elif _children is _Children.TASKS:
        for number in _OF_TASKS:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, _forking.mask)
