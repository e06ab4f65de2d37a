"""Figures that are kept for a moment: ten open consoles cost the database no more than one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

T = TypeVar("T")

KEEP_SECONDS = 1.0
"""Seconds for which figures are kept, and at least ten times as long as they took to read."""
REST = 10
MAX_KEPT = 100
"""Figures that are kept, at most."""

_lock = threading.Lock()
_locks: dict[Hashable, threading.Lock] = {}
_kept: dict[Hashable, tuple[float, Any]] = {}
_changed = object()
"""Another object after each forget()."""


def kept(key: Hashable, read: Callable[[], T]) -> T:
    """Return what `read` returned a moment ago under this key, else what it returns now. Raises what it raises.

    Who asks while another thread of this process reads the same waits for it.
    """
    with _lock:
        if len(_locks) > MAX_KEPT:
            _locks.clear()
            _kept.clear()
        lock = _locks.setdefault(key, threading.Lock())
    with lock:
        until, value = _kept.get(key, (float("-inf"), None))
        begun = time.monotonic()
        if begun >= until:
            changed = _changed
            value = read()
            ended = time.monotonic()
            if changed is _changed:  # else it may be from before the change
                _kept[key] = ended + max(KEEP_SECONDS, REST * (ended - begun)), value
        found: T = value
        return found


def forget() -> None:
    """Read everything anew: something was changed by this process, or by a test. What is being read is not kept."""
    global _changed
    _changed = object()
    _kept.clear()
