"""Attempts that did not succeed, kept for people to read."""

from __future__ import annotations

from django.db import models


class Attempt(models.Model):
    """One attempt that failed, or whose processor died. Written once."""

    job = models.ForeignKey(
        "Job", on_delete=models.CASCADE, db_constraint=False, db_index=False, related_name="attempts"
    )
    number = models.PositiveSmallIntegerField(help_text="From 1.")
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField()
    time_spent = models.FloatField(help_text="Processor seconds.")
    error = models.TextField()
    log = models.TextField(blank=True, db_default="", help_text="What it printed, and its traceback; both cut.")

    class Meta:
        ordering = ["number"]
        constraints = [
            # Reader: a job's attempts in their order, and the time spent on them (record.sql).
            models.UniqueConstraint(fields=["job", "number"], name="attempt_once"),
        ]

    def __str__(self) -> str:
        return f"{self.job_id}, attempt {self.number}"
