"""How many bulk submissions a web process reads at the same time: the memory that they take together is bounded."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

from rest_framework.exceptions import APIException

from ..conf import queue_settings


class Busy(APIException):
    """As many bulk submissions as may are being read."""

    status_code = 503
    default_detail = "Other bulk submissions are being read. Nothing was accepted; try again."
    wait = 5
    """Seconds, for Retry-After."""


@contextmanager
def bulk_turn() -> Iterator[None]:
    """A turn to read a bulk submission. Raises Busy where none came within BULK_WAIT_SECONDS seconds."""
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
