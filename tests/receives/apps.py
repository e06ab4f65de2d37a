"""Connects a receiver that misbehaves as the name of the job says, and notes what it was told in a file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from django.apps import AppConfig


class Receives(AppConfig):
    name = "tests.receives"
    label = "receives"

    def ready(self) -> None:
        """Connect the receiver."""
        from queueapp.signals import job_completed

        job_completed.connect(told)


def told(job: Any, **_: Any) -> None:
    """Note the job's name and status; end the process the first time that the job `ends-the-process` is told."""
    file = Path(os.environ["TOLD"])
    before = file.read_text()
    file.write_text(f"{before}{job.job_id} {job.status}\n")
    if job.job_id == "raises":
        raise ValueError("receivers may fail")
    if job.job_id == "ends-the-process" and job.job_id not in before:
        os._exit(3)
