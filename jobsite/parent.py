"""Processes that end with the process that started them, even after kill -9: the kernel sends the signal."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from functools import partial

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_libc = ctypes.CDLL(None)


def end_with(parent: int, number: int) -> None:
    """Have the kernel signal this process when the thread that started it ends. Send it now if `parent` has ended."""
    _libc.prctl(_PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:
        os.kill(os.getpid(), number)


def ends_with_this(number: int) -> Callable[[], None]:
    """Return a preexec_fn of subprocess: the kernel signals the child when the calling thread of this process ends."""
    return partial(end_with, os.getpid(), number)
