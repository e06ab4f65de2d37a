"""Runs database work again where PostgreSQL gave it up for another's sake."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from django.db import OperationalError
from psycopg import errors

T = TypeVar("T")
TRIES = 8


def retried(work: Callable[[], T]) -> T:
    """What `work` returns. `work` is a transaction of its own, begun again after a deadlock or serialisation error.

    Not after lock_timeout: that has waited for as long as this kind of process may, and holds a connection meanwhile.
    A request is answered by 503; a processor tries again at its next look.
    """
    for _ in range(TRIES - 1):
        try:
            return work()
        except OperationalError as error:
            if not isinstance(error.__cause__, errors.DeadlockDetected | errors.SerializationFailure):
                raise
    return work()
