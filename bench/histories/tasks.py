"""A task that holds its processor for the job's duration, and records its run."""

from __future__ import annotations

import time

from bench.histories.record import running
from bench.histories.user import WAIT
from queueapp.registry import JobContext, task


@task(WAIT)
def wait(job: JobContext) -> None:
    """Sleep for the declared duration."""
    with running(job.job_id, job.attempt):
        time.sleep(job.duration)
