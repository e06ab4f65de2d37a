"""Processors and their present work. A processor's row is also the lease of its turn."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Count, F, Func, Q, Value

from ..db.clock import DatabaseClock
from .flow import Flow

SET_BACK = timedelta(seconds=5)
"""How far the database's clock may be set back before leases count as overdue."""


class ProcessorQuerySet(models.QuerySet["Processor"]):
    def dated(self) -> ProcessorQuerySet:
        """The processors, each with the moment of reading, by the database's clock, as `read_at`."""
        return self.annotate(read_at=DatabaseClock())  # type: ignore[no-redef]  # it is declared there

    def expecting(self) -> ProcessorQuerySet:
        """The processors, each with the expected seconds of its present job, as `expected`; None without one."""
        return self.annotate(expected=F("job__duration") * F("flow__state__ratio"))  # type: ignore[no-redef]  # as above

    def working(self) -> ProcessorQuerySet:
        """The processors that run a job now."""
        return self.filter(job__isnull=False)

    def not_started(self) -> list[int]:
        """Return the ids of jobs that are in a turn and not started. They stay so for at most a quantum."""
        turns = self.working().filter(jobs__len__gt=1).values_list("job_id", "jobs")
        return [job for current, jobs in turns for job in jobs if job != current]

    def alive(self) -> ProcessorQuerySet:
        """The processors whose lease has not run out."""
        return self.filter(lease_until__gt=DatabaseClock())

    def accepting(self) -> ProcessorQuerySet:
        """The processors that are alive and take turns."""
        return self.alive().filter(draining=False)

    def alive_and_busy(self) -> tuple[int, int]:
        """The numbers of processors that take turns, and of those with a job. One query."""
        found = self.accepting().aggregate(alive=Count("pk"), busy=Count("job"))
        return found["alive"], found["busy"]

    def overdue(self) -> ProcessorQuerySet:
        """The processors whose lease ran out, or whose last heartbeat is in the future by more than SET_BACK.

        The clock was then set back, and their leases would last longer by as much.
        """
        set_back = Q(seen_at__gt=DatabaseClock() + SET_BACK)
        return self.filter(Q(lease_until__lte=DatabaseClock()) | set_back)


class Processor(models.Model):
    """One django-q2 worker process. Runs one job at a time.

    `turn` is the number of its last turn, which no other turn has; a rescue draws a new one. It is the fencing token: a
    write that names an older turn changes nothing. `jobs` and `attempts` are the turn's jobs that are not settled, and
    the number of each one's attempt. Both are empty between turns.
    """

    cluster = models.CharField(max_length=36, help_text="The cluster that its process belongs to.")
    host = models.CharField(max_length=255)
    pid = models.IntegerField("process id")
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField("last sign of life")
    lease_until = models.DateTimeField(help_text="Without a sign of life by then, its jobs go to others.")
    draining = models.BooleanField(default=False, help_text="Whether it takes no further turns.")
    retiring = models.BooleanField(
        default=False,
        db_default=False,
        help_text="Whether it is to end once its turn is over, and let a fresh process take its place.",
    )
    # Readers: all writers of the row. Each turn leaves a dead tuple of it, and all of these have the same id. (So the
    # index on id is not unique in the database: each turn would check it against all dead tuples.)
    turn = models.BigIntegerField(
        unique=True, db_default=Func(Value("queueapp_turn_number"), function="nextval"), editable=False
    )
    flow = models.ForeignKey(
        Flow, null=True, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    jobs = ArrayField(models.BigIntegerField(), default=list, blank=True)
    attempts = ArrayField(models.PositiveSmallIntegerField(), default=list, blank=True)
    charged = models.FloatField(default=0.0, help_text="Processor seconds that its flow was charged for the turn.")
    declared = models.FloatField(
        default=0.0, db_default=0.0, editable=False, help_text="Processor seconds that the turn's jobs declare."
    )
    worked = models.FloatField(
        default=0.0, db_default=0.0, help_text="Processor seconds that the turn is known to have cost so far."
    )
    # The job that runs now. No index: the table has one small row per processor, which changes with every turn.
    job = models.ForeignKey(
        "queueapp.Job",
        null=True,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="processors",
    )
    job_started_at = models.DateTimeField(null=True)
    cancelling = models.BooleanField(default=False, help_text="Whether its present job is to stop.")
    progress = models.FloatField(default=0.0, help_text="0 to 1.")
    message = models.CharField(max_length=500, blank=True)

    read_at: datetime
    """Set only by ProcessorQuerySet.dated()."""
    expected: float | None
    """Set only by ProcessorQuerySet.expecting()."""

    objects = ProcessorQuerySet.as_manager()

    class Meta:
        ordering = ["host", "pid"]
        indexes = [
            # Reader: the broker (idle processors of its cluster). One that goes from turn to turn is never among them.
            models.Index(fields=["cluster"], condition=Q(job=None), name="processor_idle"),
        ]

    def __str__(self) -> str:
        return f"{self.host}:{self.pid}"

    def time_spent(self, now: datetime) -> float:
        """Return the seconds that it has worked on its present job; 0 without one."""
        if self.job_started_at is None:
            return 0.0
        return max((now - self.job_started_at) / timedelta(seconds=1), 0.0)
