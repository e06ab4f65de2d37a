"""Bounds the requests about many jobs that a web process reads at once, and so their memory."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

from ..conf import queue_settings


class Busy(Exception):
    """Other requests about many jobs are being read. Nothing was changed; try again."""


@contextmanager
def bulk_turn() -> Iterator[None]:
    """Wait for a turn to read such a request. Raises Busy after BULK_WAIT_SECONDS."""
    turns = _turns(queue_settings().BULKS_AT_ONCE)
    if not turns.acquire(timeout=queue_settings().BULK_WAIT_SECONDS):
        raise Busy
    try:
        yield
    finally:
        turns.release()


@lru_cache(maxsize=1)
def _turns(many: int) -> threading.BoundedSemaphore:
    return threading.BoundedSemaphore(many)
