"""Ends a process with the one that started it, by the kernel's word: after kill -9 too."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from functools import partial

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_libc = ctypes.CDLL(None)


def end_with(parent: int, number: int) -> None:
    """Have this process sent the signal when the thread that started it ends, or now if `parent` has ended already."""
    _libc.prctl(_PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:
        os.kill(os.getpid(), number)


def ends_with_this(number: int) -> Callable[[], None]:
    """A preexec_fn of subprocess: the child is sent the signal when the calling thread of this process ends."""
    return partial(end_with, os.getpid(), number)
