"""Outcomes: how jobs ended."""

from __future__ import annotations

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Q

from ..states import FINISHED, Status
from .flow import Flow
from .owner import Owner


class Outcome(models.Model):
    """How one job ended. record.sql writes it once; it never changes. A retry deletes it.

    Numbers are drawn in the order in which jobs end. So an owner who was told of number n has yet to be told of all
    after n. snapshots/completions.py reads these.
    """

    job = models.OneToOneField("Job", primary_key=True, on_delete=models.CASCADE, db_constraint=False)
    owner = models.ForeignKey(Owner, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+")
    flow = models.ForeignKey(
        Flow, null=True, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    number = models.BigIntegerField()
    status = models.CharField(max_length=10, choices=[(status, status.value) for status in FINISHED])
    attempt = models.SmallIntegerField(help_text="Which attempt ended it; 0: it never started.")
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField()
    time_spent = models.FloatField(help_text="Seconds that a processor worked on it.")
    progress = models.FloatField(default=0.0)
    message = models.CharField(max_length=500, blank=True)
    result = models.JSONField(null=True)
    error = models.TextField(blank=True)
    log = models.TextField(blank=True, db_default="", help_text="What it printed, and its traceback; both cut.")

    class Meta:
        indexes = [
            # Reader: an owner's completions, in their order (event streams and the page's finished jobs).
            models.Index(fields=["owner", "number"], name="outcome_of_owner"),
            # Readers: lists of failed or cancelled jobs, few among very many. Other outcomes cost this index nothing.
            models.Index(
                fields=["status", "owner", "-job"], condition=~Q(status=Status.SUCCEEDED), name="outcome_not_well"
            ),
            # Readers: failures that the owner has not seen yet. A success costs this index nothing.
            models.Index(fields=["owner", "number"], condition=Q(status=Status.FAILED), name="outcome_failed"),
            # Readers: measures.py (what ended since a moment) and prune.py (before one). Rows are stored in about the
            # order in which jobs end. So BRIN needs a few kB for millions of rows, and costs a settlement little.
            BrinIndex(fields=["finished_at"], name="outcome_finished", autosummarize=True),
            # Reader: ended.sql (what is not in the totals yet). Not BRIN: whatever came since autovacuum last looked,
            # a minute of a busy site, would be read at each count of a thousand.
            models.Index(fields=["number"], name="outcome_number"),
        ]

    def __str__(self) -> str:
        return f"{self.job_id} {self.status}"
