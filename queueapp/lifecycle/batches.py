"""Batches of jobs, each for a transaction of its own."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

BATCH_JOBS = 1_000
"""Maximum number of jobs in a batch. Claims, and readers of the owner's completions, wait for one at most."""


def in_batches(jobs: Iterable[int], until: float) -> Iterator[list[int]]:
    """Yield the jobs in the order of submission, BATCH_JOBS at a time.

    `until` (time.monotonic): no batch but the first begins after.
    """
    ordered = sorted(jobs)
    for start in range(0, len(ordered), BATCH_JOBS):
        if start and time.monotonic() >= until:
            return
        yield ordered[start : start + BATCH_JOBS]
