"""A clock in place of the module `time` of the code under test."""

from __future__ import annotations


class StandingClock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def monotonic(self) -> float:
        """The seconds that it shows."""
        return self.now
