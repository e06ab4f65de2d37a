"""The fleet: how many processors there should be, on which clusters, and why."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from ..db.clock import DatabaseClock


class ClusterQuerySet(models.QuerySet["Cluster"]):
    def alive(self) -> ClusterQuerySet:
        """The clusters whose lease has not run out."""
        return self.filter(lease_until__gt=DatabaseClock())


class Cluster(models.Model):
    """One `manage.py processors`: the processors of one host that it supervises, and its part of the fleet."""

    id = models.CharField(primary_key=True, max_length=36)
    host = models.CharField(max_length=255)
    minimum = models.PositiveSmallIntegerField(help_text="The fewest processors that it runs, unless staff say fewer.")
    maximum = models.PositiveSmallIntegerField(help_text="The most processors that it can run.")
    part = models.PositiveSmallIntegerField(help_text="The processors that it should run now.")
    lease_until = models.DateTimeField(help_text="Without a sign of life by then, its part goes to other clusters.")

    objects = ClusterQuerySet.as_manager()

    class Meta:
        ordering = ["host", "id"]

    def __str__(self) -> str:
        return self.host


class Fleet(models.Model):
    """All processors of all clusters. One row. Staff write the bounds; lifecycle/autoscaler.py writes the rest."""

    minimum = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="The fewest processors of all hosts. Empty: as the hosts are configured.",
    )
    maximum = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="The most processors of all hosts. Empty: as many as the hosts can run.",
    )
    target_wait = models.FloatField(
        "target wait",
        null=True,
        blank=True,
        validators=[MinValueValidator(1.0), MaxValueValidator(86_400.0)],
        help_text="Seconds within which jobs should start. Empty: as configured.",
    )
    dry_run = models.BooleanField(
        "dry run",
        default=False,
        db_default=False,
        help_text="Decide and record what would be done, but leave the number of every host as it is.",
    )
    wished = models.PositiveIntegerField(default=0, editable=False, help_text="How many there should be now.")
    leader = models.CharField(
        max_length=36, blank=True, db_default="", editable=False, help_text="The cluster that decides."
    )
    leader_until = models.DateTimeField(null=True, editable=False)

    class Meta:
        verbose_name_plural = "fleet"
        # Of the queue as a whole; the fleet is the one thing of it that is always there.
        permissions = [
            ("view_console", "Can view the operations console, and look at a user's pages"),
            ("operate", "Can act in the operations console"),
        ]
        constraints = [models.CheckConstraint(condition=Q(pk=1), name="fleet_one_row")]

    def __str__(self) -> str:
        return f"{self.wished} processors"

    def clean(self) -> None:
        """Raises ValidationError if the minimum is above the maximum."""
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            raise ValidationError({"maximum": "The maximum must not be below the minimum."})


class FleetDecision(models.Model):
    """One change of the number of processors. The newest ones are kept."""

    at = models.DateTimeField(auto_now_add=True)
    before = models.PositiveIntegerField(help_text="How many there should have been.")
    wished = models.PositiveIntegerField(help_text="How many there should be from then on.")
    alive = models.PositiveIntegerField(help_text="How many there were.")
    reason = models.CharField(max_length=200)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.before} to {self.wished}: {self.reason}"
