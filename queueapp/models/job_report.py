"""What a job says of itself beside its outcome: named stages, a note, and the end of its log while it runs."""

from __future__ import annotations

from django.db import models

from .job import Job


class JobReport(models.Model):
    """The report of a job's last attempt that made one. Most jobs have none.

    Written by processors only (lifecycle/reports.py), apart from the turn's own statements: a turn of jobs without
    reports pays nothing for them.
    """

    # The database deletes the report with its job.
    job = models.OneToOneField(
        Job, primary_key=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="report"
    )
    attempt = models.SmallIntegerField()
    log = models.TextField(blank=True, help_text="The end of what it printed so far; empty once it has ended.")
    stages = models.JSONField(help_text="Pairs of a name and the seconds of the attempt at which the stage began.")
    note = models.TextField(blank=True, help_text="Markdown, as the task wrote it.")

    def __str__(self) -> str:
        return f"report of job {self.job_id}"
