"""Repeats transactions that PostgreSQL aborted because of a concurrent one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from django.db import OperationalError
from psycopg import errors

T = TypeVar("T")
MAX_ATTEMPTS = 8


def retried(work: Callable[[], T]) -> T:
    """Return the result of `work`, a transaction of its own. It is repeated after a deadlock or serialization failure.

    At most MAX_ATTEMPTS attempts; the last one's error is raised. A lock_timeout is not repeated: `work` has then
    waited as long as this kind of process may, and it held a connection meanwhile. A request gets 503, a processor
    tries again later.
    """
    for _ in range(MAX_ATTEMPTS - 1):
        try:
            return work()
        except OperationalError as error:
            if not isinstance(error.__cause__, errors.DeadlockDetected | errors.SerializationFailure):
                raise
    return work()
