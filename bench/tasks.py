"""The tasks that benches submit. One holds its processor for the job's duration and records it; one does nothing."""

from __future__ import annotations

import time

from bench.records import Recorder, clock
from queueapp.registry import JobContext, task

HOLD = "bench.hold"
NOTHING = "bench.nothing"
PADDED = "bench.padded"

_recorder = Recorder()


@task(HOLD)
def hold(job: JobContext, user: str) -> None:
    """Sleep for the declared duration."""
    started = clock()
    time.sleep(job.duration)
    _recorder.add(user, started)


@task(NOTHING)
def nothing(job: JobContext) -> None:
    """Do nothing."""


@task(PADDED)
def padded(job: JobContext, padding: str) -> None:
    """Sleep for the declared duration, whatever the padding."""
    time.sleep(job.duration)
