"""Work that PostgreSQL gave up for another's sake is begun again, and no other."""

from __future__ import annotations

import pytest
from django.db import OperationalError
from psycopg import errors

from queueapp.db.conflicts import MAX_ATTEMPTS, retried


class Failing:
    """Raises these one after the other, then returns how often it was called."""

    def __init__(self, *causes: Exception) -> None:
        self._causes = list(causes)
        self.calls = 0

    def __call__(self) -> int:
        self.calls += 1
        if self._causes:
            raise OperationalError("given up") from self._causes.pop(0)
        return self.calls


def test_deadlocks_and_serialisation_errors_are_tried_again() -> None:
    assert retried(Failing(errors.DeadlockDetected(), errors.SerializationFailure())) == 3


def test_a_lock_that_was_waited_for_in_vain_is_not_waited_for_again() -> None:
    work = Failing(errors.LockNotAvailable())
    with pytest.raises(OperationalError):
        retried(work)
    assert work.calls == 1


def test_it_is_not_tried_for_ever() -> None:
    work = Failing(*[errors.DeadlockDetected() for _ in range(MAX_ATTEMPTS)])
    with pytest.raises(OperationalError):
        retried(work)
    assert work.calls == MAX_ATTEMPTS
