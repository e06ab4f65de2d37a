"""Flows: streams of jobs that take turns. The place of each in the fair order is a row of its own, its state."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from ..policy.rules import Terms
from .owner import Owner
from .rule import PriorityRule


class Flow(models.Model):
    """A stream of jobs that takes turns with other flows; usually one owner's. Created by route.py, seldom changed."""

    key = models.CharField(max_length=64, help_text="Which rule or which owner it stands for.")
    rule = models.ForeignKey(PriorityRule, null=True, blank=True, on_delete=models.SET_NULL, related_name="flows")
    owner = models.ForeignKey(Owner, null=True, blank=True, on_delete=models.CASCADE, related_name="own_flows")

    class Meta:
        constraints = [
            # Reader: route.py, which finds the flows of routes. (A unique field would have a second index, for LIKE.)
            models.UniqueConstraint(fields=["key"], name="flow_once_per_key"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        """The name for people: see flow_name()."""
        return flow_name(None if self.owner is None else self.owner.name, None if self.rule is None else self.rule.name)


def flow_name(owner: str | None, rule: str | None) -> str:
    """Return the name of a flow for people: that of its owner, else that of its rule, else `everyone else`."""
    return owner or rule or "everyone else"


class FlowState(models.Model):
    """A flow's place in the order: its terms, its charges, and whether it is ready.

    route.py creates the row; only claim.sql and change_flow.sql update it. A transaction that begins, charges or ends a
    turn locks the processor's row before the flow's state. Every turn adds an entry to each index of this table, so it
    has only indexes that are read.

    Every update increments the row's `revision`. Its writers find the live tuple by (flow, revision) and pass over the
    dead ones, which stay while a transaction is open elsewhere. The database has no unique index on flow alone, because
    each turn would check it against all dead tuples.

    The rows that every turn writes, here and elsewhere, have no check constraints: five cost 5 % of a turn.
    `manage.py audit` finds what they would find.
    """

    # The database deletes the state with its flow.
    flow = models.OneToOneField(
        Flow, primary_key=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="state"
    )
    revision = models.BigIntegerField(default=0, db_default=0, editable=False)
    weight = models.FloatField(default=1.0, help_text="Turns it gets for each turn of a flow with weight 1.")
    cap = models.SmallIntegerField("processors at once", null=True, blank=True)
    vtime = models.FloatField(
        "virtual time",
        default=0.0,
        db_default=0.0,
        help_text="Its cost so far, in processor seconds, divided by its weight.",
    )
    ratio = models.FloatField(
        "cost ratio",
        default=1.0,
        db_default=1.0,
        help_text="Processor seconds that its recent turns took, for each second that their jobs declared.",
    )
    learned_from = models.FloatField(
        default=0.0,
        db_default=0.0,
        editable=False,
        help_text="Declared seconds behind the ratio: older turns count less.",
    )
    backlogged = models.BooleanField(default=False, db_default=False, help_text="Whether jobs wait in it.")
    busy = models.SmallIntegerField(default=0, db_default=0, help_text="Processors that work for it now.")
    held = models.BooleanField(
        default=False,
        db_default=False,
        help_text="Whether it lets others go first while its jobs move from or to another flow.",
    )
    head = models.BigIntegerField(null=True, blank=True, help_text="Its first waiting job: ties go to the lowest.")
    scan_from = models.BigIntegerField(
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
            # Readers: all lookups of a flow's state.
            models.UniqueConstraint(fields=["flow", "revision"], name="flowstate_newest"),
        ]
        indexes = [
            # Readers: claim.sql (the ready flow with the least virtual time) and virtual_time.sql (the least of
            # the ready ones, else the largest of the others).
            models.Index(fields=["ready", "vtime", "head"], name="flow_turn"),
            # Reader: sweep.py (flows that are held, which are few).
            models.Index(fields=["flow"], condition=Q(held=True), name="flow_held"),
        ]
        verbose_name_plural = "flow states"

    def __str__(self) -> str:
        return f"{self.flow}: {self.vtime:g}"

    @property
    def is_active(self) -> bool:
        """Whether it has queued or running jobs."""
        return self.backlogged or self.busy > 0

    @property
    def terms(self) -> Terms:
        """The weight and cap that its rule gives it."""
        return Terms(self.weight, self.cap)


class OrderStart(models.Model):
    """The virtual time below which no flow is ready, now or later. One row. No row: it has not been moved yet.

    The scan for the next flow begins here. move_order_start.sql moves it up; set_flow.sql sets it to minus infinity.
    """

    vtime = models.FloatField("virtual time")

    def __str__(self) -> str:
        return f"{self.vtime:g}"


class PendingMove(models.Model):
    """A note that jobs of an owner may still wait in a flow that the owner has left. Deleted when they have moved.

    Written by follow.sql, put_back.sql and move_astray.sql; worked off in batches by move.sql.
    """

    owner = models.ForeignKey(Owner, on_delete=models.CASCADE, related_name="+")
    flow = models.ForeignKey(Flow, on_delete=models.CASCADE, related_name="+", db_index=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["owner", "flow"], name="pending_move_once")]

    def __str__(self) -> str:
        return f"{self.owner} in {self.flow}"
