"""Submits jobs at a rate, or up to a depth, until it is told to stop. While the database is away it tries again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from queueapp.models import Owner

BATCH_SECONDS = 0.025
BATCH_JOBS = 500
"""Jobs of one call, at most: as many as came due while the database was away follow in several."""


@dataclass(frozen=True)
class Load:
    """What is to be submitted. `rate`: jobs a second, asked anew for each batch. `depth`: jobs that are to wait; None:
    as the rate says. Each job works for so many seconds and has a payload of about so many bytes."""

    rate: Callable[[], float]
    depth: int | None
    seconds: float
    payload_bytes: int


def rate_from(file: str | None, default: float) -> float:
    """Return the rate that a control file holds at this moment; the default if there is none, or no number in it."""
    try:
        return float(Path(file).read_text()) if file else default
    except (OSError, ValueError):
        return default


class Producer(threading.Thread):
    """The thread. `submitted`: jobs that were accepted so far. Owners take turns, as many queues would."""

    def __init__(self, load: Load, owners: list[Owner], waiting: Callable[[], int], prefix: str) -> None:
        super().__init__(daemon=True)
        self._load, self._owners, self._waiting, self._prefix = load, owners, waiting, prefix
        self._numbers, self._stopped = count(), threading.Event()
        self.submitted = 0

    def stop(self) -> None:
        """Submit nothing more."""
        self._stopped.set()

    def run(self) -> None:
        """Submit until stop()."""
        from django.db import DatabaseError, InterfaceError, connection

        due, at = 0.0, time.monotonic()
        while not self._stopped.wait(BATCH_SECONDS):
            now = time.monotonic()
            due, at = due + self._load.rate() * (now - at), now
            if self._load.depth is not None:
                due = max(self._load.depth - self._waiting(), 0)
            many = min(int(due), BATCH_JOBS)
            try:
                self._submit(many)
                due -= many
            except (DatabaseError, InterfaceError):
                connection.close()

    def _submit(self, many: int) -> None:
        from bench.tasks import PADDED
        from queueapp.lifecycle.submit import submit_each
        from queueapp.lifecycle.validation import Submission

        padding = "x" * max(self._load.payload_bytes - 20, 0)
        jobs = [
            (
                self._owners[number % len(self._owners)],
                Submission(
                    job_id=f"{self._prefix}-{number}", duration=max(self._load.seconds, 1e-6), task=PADDED,
                    payload={"padding": padding},
                ),
            )
            for number in (next(self._numbers) for _ in range(many))
        ]  # fmt: skip
        if jobs:
            submit_each(jobs)
            self.submitted += many
