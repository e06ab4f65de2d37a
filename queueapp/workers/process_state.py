"""The process state that a task may leave changed. A process that has changed is replaced, never repaired."""

from __future__ import annotations

import _locale
import _signal  # type: ignore[import-not-found]  # signal's own functions make enums: five times slower
import builtins
import datetime
import decimal
import gc
import json
import logging
import os
import random
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
import warnings
from asyncio import events
from copy import deepcopy
from typing import Any

from django.conf import settings
from django.db import connections

from .forked import has_children

THREADS_MOST = 32
"""Maximum number of threads, the main one included, after a job. Libraries keep pools of threads."""
DESCRIPTORS_MOST = 64
"""Maximum number of file descriptors that tasks may leave open, for the same reason."""

_LIMITS = [
    getattr(resource, name) for name in ("RLIMIT_NOFILE", "RLIMIT_AS", "RLIMIT_DATA", "RLIMIT_FSIZE", "RLIMIT_CPU")
]
_SIGNALS = (
    signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM, signal.SIGCHLD,
    signal.SIGPIPE,
)  # fmt: skip

_environment: dict[bytes, bytes] = vars(os.environ)["_data"]  # as bytes: decoding all of it takes 14 us


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _state() -> tuple[Any, ...]:
    """Return the state to compare. It is read after every job, so this must take only a few microseconds."""
    stdout, stderr, manager = sys.stdout, sys.stderr, logging.root.manager
    return (
        os.getcwd(),
        _environment.copy(),
        _umask(),
        *map(_signal.getsignal, _SIGNALS),
        _signal.pthread_sigmask(signal.SIG_BLOCK, ()),
        signal.getitimer(signal.ITIMER_REAL)[0] > 0,
        signal.getitimer(signal.ITIMER_VIRTUAL)[0] > 0,
        signal.getitimer(signal.ITIMER_PROF)[0] > 0,
        *map(resource.getrlimit, _LIMITS),
        os.getpriority(os.PRIO_PROCESS, 0),
        os.geteuid(),
        os.getegid(),
        events._get_running_loop(),
        (stdout, stderr, sys.stdin, stdout.closed, stderr.closed),
        (sys.getrecursionlimit(), sys.getswitchinterval(), sys.gettrace(), sys.getprofile()),
        (gc.isenabled(), gc.get_threshold()),
        (sys.excepthook, threading.excepthook, sys.path[:]),
        (manager.disable, logging.root.level, logging.root.handlers[:]),
        (_locale.setlocale(_locale.LC_ALL), socket.getdefaulttimeout(), warnings.filters[:]),
    )


_MODULES = (builtins, datetime, json, logging, os, random, signal, socket, subprocess, threading, time)
"""Modules that all tasks use, and of which a task may replace parts."""


class ProcessState:
    """The state of this process at construction. has_changed() compares it with the present one."""

    def __init__(self) -> None:
        self._before = _state()
        self._modules = [vars(module).copy() for module in _MODULES]
        self._settings = deepcopy(connections.settings), _given().copy(), _values_of_settings().copy()
        self._decimal = _decimal_default()
        self._lowest = _lowest_free_descriptor()

    def has_changed(self, *, thoroughly: bool) -> bool:
        """Whether anything differs from the state at construction. Reaps ended children.

        `thoroughly`: also compare Django's settings, the default decimal context and the contents of _MODULES, and seed
        `random` anew. Otherwise a task could predict the random numbers of another owner's task.
        """
        try:
            if _state() != self._before or (thoroughly and self._shared_has_changed()):
                return True
        except Exception:  # a deleted working directory, or a stream that is None
            return True
        return (
            threading.active_count() > THREADS_MOST
            or not self._lowest <= _lowest_free_descriptor() <= self._lowest + DESCRIPTORS_MOST
            or has_children()
        )

    def _shared_has_changed(self) -> bool:
        random.seed()
        now = connections.settings, _given(), _values_of_settings()
        return (
            repr(decimal.DefaultContext) != self._decimal
            or [*map(vars, _MODULES)] != self._modules
            or now != self._settings
        )


def _given() -> dict[str, Any]:
    """Return QUEUEAPP of Django's settings, which a task may change in place."""
    given: dict[str, Any] = getattr(settings, "QUEUEAPP", {})
    return given


def _values_of_settings() -> dict[str, Any]:
    values: dict[str, Any] = vars(vars(settings)["_wrapped"])
    return values


def _decimal_default() -> str:
    return repr(decimal.DefaultContext)


def _lowest_free_descriptor() -> int:
    """Return the descriptor that the next file gets; -1 if that cannot be found out.

    A closed file lowers it, each file left open raises it.
    """
    try:
        free = os.dup(0)
    except OSError:
        return -1
    os.close(free)
    return free
