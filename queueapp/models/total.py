"""Totals: the work of jobs that have ended, summed up by flow, by task, and by owner and day."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models

from .flow import Flow
from .owner import Owner

WIDTHS = (60, 300, 1_800, 21_600)
"""Seconds of the buckets of totals. Each needs a partition of FlowTotal's table (migration 0003)."""


class Total(models.Model):
    """Sums over one bucket: `width` seconds from `begin`, a multiple of the width since 1970.

    Only count_ended.sql writes these, prune.py deletes them. A piece of work is one attempt at one job. It is counted
    once, when it has ended: in every bucket that it touches, however long ago that was.
    """

    width = models.IntegerField(help_text="Seconds: one of WIDTHS.")
    begin = models.DateTimeField()
    steps = ArrayField(
        models.SmallIntegerField(),
        default=list,
        help_text="How long the attempts that started in it had waited: 50 times the logarithm of the seconds.",
    )
    starts = ArrayField(models.IntegerField(), default=list, help_text="The number of these attempts, for each step.")

    class Meta:
        abstract = True


class FlowTotal(Total):
    """What one flow's pieces were in a bucket. Seconds, if nothing else is said. Partitioned by the width.

    Deep backlogs cost no more than shallow ones, as a piece changes only the buckets in which it falls due and ends.
    The pieces present at a moment follow backwards: none is left in the end. So, before a bucket, the changes from it
    on add up to minus the number present.
    """

    pk = models.CompositePrimaryKey("width", "begin", "flow")
    flow = models.ForeignKey(
        Flow,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="+",
        help_text="0: unknown.",
    )
    got = models.FloatField(help_text="Processor seconds.")
    active = models.FloatField(help_text="Seconds in which a piece was present: due, and not ended.")
    change = models.BigIntegerField(help_text="Pieces that fell due, less those that ended.")
    area = models.FloatField(help_text="The same, each times the seconds from then to the end of the bucket.")
    asked = models.FloatField(help_text="Processor seconds of the pieces that fell due.")
    dropped = models.FloatField(help_text="Processor seconds that ended pieces had asked for and did not get.")
    ended = models.IntegerField(help_text="Jobs.")
    failed = models.IntegerField(help_text="Jobs of these.")
    # `covered`, the times that `active` is the length of, in buckets of 1,800 s: a later piece may overlap them.
    # Its type, tstzmultirange, is none of Django's: migration 0003 adds it, and only SQL reads it.

    def __str__(self) -> str:
        return f"{self.flow_id}, {self.begin}, {self.width} s"


class TaskTotal(Total):
    """What became of one task's jobs in a bucket."""

    pk = models.CompositePrimaryKey("width", "begin", "task")
    task = models.CharField(max_length=100)
    succeeded = models.IntegerField(help_text="Jobs.")
    failed = models.IntegerField(help_text="Jobs.")
    cancelled = models.IntegerField(help_text="Jobs.")
    retried = models.IntegerField(help_text="Attempts that failed, and were not the last.")
    spent = models.FloatField(help_text="Processor seconds of all attempts that ended in the bucket.")

    def __str__(self) -> str:
        return f"{self.task}, {self.begin}, {self.width} s"


class OwnerTotal(models.Model):
    """What became of one owner's jobs of one task on a day (UTC). As other totals: written once for each end."""

    pk = models.CompositePrimaryKey("day", "owner", "task")
    day = models.DateField()
    owner = models.ForeignKey(Owner, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+")
    task = models.CharField(max_length=100)
    succeeded = models.IntegerField(help_text="Jobs.")
    failed = models.IntegerField(help_text="Jobs.")
    cancelled = models.IntegerField(help_text="Jobs.")
    spent = models.FloatField(help_text="Processor seconds of all attempts that ended on the day.")

    def __str__(self) -> str:
        return f"{self.owner_id}, {self.task}, {self.day}"


class TotalsCursor(models.Model):
    """How far outcomes and attempts are in the totals. One row, or none: none is. See count_ended.sql."""

    outcomes = models.BigIntegerField(default=0, help_text="All outcomes up to this number are counted.")
    attempts = models.BigIntegerField(default=0, help_text="All attempts up to this id are counted.")
    counted_at = models.DateTimeField(null=True, help_text="When the last ones were counted.")
    # What the next round counts, once no transaction with a lower id than `noted_by` runs: see count_ended.sql.
    noted_outcomes = models.BigIntegerField(null=True)
    noted_attempts = models.BigIntegerField(null=True)
    noted_by = models.BigIntegerField(null=True, help_text="A transaction id.")

    def __str__(self) -> str:
        return f"up to outcome {self.outcomes}"
