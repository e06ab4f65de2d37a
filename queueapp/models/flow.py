"""Flows: the streams of jobs that take turns. The state of the fair order is one row per flow."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from .rule import PriorityRule


class Flow(models.Model):
    """A stream of jobs that takes turns with other flows; usually one user.

    Written only by lifecycle/ (the SQL there keeps it true). Whoever begins, charges or ends a turn locks the
    processor's row before the flow's.
    Every turn enters the row anew into each index, so there are no more of these than are read.
    No check constraints on the rows that every turn writes, here and elsewhere: five cost 5 % of a turn. What they
    would find, `manage.py audit` does.
    """

    key = models.CharField(max_length=64, help_text="Which rule and which user it stands for.")
    rule = models.ForeignKey(
        PriorityRule, null=True, blank=True, on_delete=models.SET_NULL, db_index=False, related_name="flows"
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        db_index=False,
        related_name="own_flows",
    )
    weight = models.FloatField(default=1.0, help_text="Turns it gets for each turn of a flow with weight 1.")
    cap = models.SmallIntegerField("processors at once", null=True, blank=True)
    vtime = models.FloatField(
        "virtual time", default=0.0, help_text="Its cost so far, in processor seconds, divided by its weight."
    )
    backlogged = models.BooleanField(default=False, help_text="Whether jobs wait in it.")
    busy = models.SmallIntegerField(default=0, help_text="Processors that work for it now.")
    held = models.BooleanField(
        default=False, help_text="Whether it lets others go first while its jobs move from or to another flow."
    )
    head = models.BigIntegerField(null=True, blank=True, help_text="Its first waiting job: ties go to the lowest.")
    floor = models.BigIntegerField(
        default=0,
        db_default=0,
        help_text="No job of its backlog is below, now or later: the look for its first one begins here.",
    )
    ready = models.GeneratedField(
        expression=Q(backlogged=True, held=False) & (Q(cap__isnull=True) | Q(busy__lt=F("cap"))),  # type: ignore[arg-type]  # stubs
        output_field=models.BooleanField(),
        db_persist=True,
    )

    class Meta:
        constraints = [
            # Reader: route.py, which finds the flows of routes. (A unique field would have a second index, for LIKE.)
            models.UniqueConstraint(fields=["key"], name="flow_once_per_key"),
        ]
        indexes = [
            # Readers: claim.sql (the ready flow with the least virtual time) and virtual_time.sql (the least of
            # the ready ones, else the largest of the others).
            models.Index(fields=["ready", "vtime", "head"], name="flow_turn"),
            # Readers: release_flow.sql and sweep.py (a user's flows that are held, which are few).
            models.Index(fields=["user"], condition=Q(held=True), name="flow_held"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        """What people call it: its user, else its rule, else that it is everyone's."""
        if self.user_id is not None:
            return str(self.user)
        return str(self.rule) if self.rule_id is not None else "everyone else"


class Horizon(models.Model):
    """The virtual time below which no flow is ready, now or later. One row; none: nobody has looked yet.

    The look for the next flow begins here. Raised now and then by raise_horizon.sql, and begun anew by set_flow.sql.
    """

    vtime = models.FloatField("virtual time")

    def __str__(self) -> str:
        return f"{self.vtime:g}"


class Leftover(models.Model):
    """That jobs of a user may still wait in a flow that the user has left. Gone when they have moved.

    Written by whoever changes a user's flow, and by put_back.sql; worked off in batches by move.sql.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    flow = models.ForeignKey(Flow, on_delete=models.CASCADE, related_name="+", db_index=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "flow"], name="leftover_once")]

    def __str__(self) -> str:
        return f"{self.user} in {self.flow}"
