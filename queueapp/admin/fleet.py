"""The fleet: how many processors there should be. Staff set its bounds; the decisions say what came of them."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.safestring import SafeString

from queueapp.lifecycle.fleet import capacity
from queueapp.models import Cluster, Fleet, FleetDecision, Processor
from queueapp.snapshots.fleet_state import DECISIONS

from .base import QueueAdmin, ReadOnlyAdmin
from .formatting import brief_moment, table


@admin.register(Fleet)
class FleetAdmin(QueueAdmin[Fleet]):
    """The one row of the fleet. A change is followed within about half a second; no running job is ended by it."""

    fieldsets = (
        ("Now", {"fields": ["now", "hosts"]}),
        (
            "Bounds",
            {
                "fields": ["minimum", "maximum", "target_wait", "dry_run"],
                "description": "Between the two, the number of processors follows the load. Two equal numbers fix it.",
            },
        ),
        ("Decisions", {"fields": ["decisions"]}),
    )
    readonly_fields = ("now", "hosts", "decisions")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody has it: there is one fleet."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Fleet | None = None) -> bool:
        """Nobody has it."""
        return False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Lead to the one row."""
        if not self.has_view_or_change_permission(request):
            return super().changelist_view(request, extra_context)
        Fleet.objects.get_or_create(pk=1)
        return redirect(reverse("admin:queueapp_fleet_change", args=[1]))

    @admin.display(description="processors")
    def now(self, fleet: Fleet) -> str:
        """Return how many there are, and how many there should be."""
        alive, busy = Processor.objects.alive_and_busy()
        return f"{alive} alive, {busy} at work; {fleet.wished} wished"

    @admin.display(description="hosts")
    def hosts(self, fleet: Fleet) -> SafeString | str:
        """Return each cluster's part, and its bounds."""
        rows = [(c.host, c.part, c.minimum, c.maximum) for c in Cluster.objects.alive()]
        return table(("Host", "Processors", "Minimum", "Maximum"), rows)

    @admin.display(description="newest first")
    def decisions(self, fleet: Fleet) -> SafeString | str:
        """Return the newest decisions."""
        newest = FleetDecision.objects.all()[:DECISIONS]
        rows = [(brief_moment(d.at), d.before, d.wished, d.alive, d.reason) for d in newest]
        return table(("At", "From", "To", "Alive", "Why"), rows)

    def save_model(self, request: HttpRequest, obj: Fleet, form: Any, change: bool) -> None:
        """Save the bounds, and nothing that the leader writes meanwhile; say so if the hosts cannot go so far."""
        obj.save(update_fields=["minimum", "maximum", "target_wait", "dry_run"])
        if max(obj.minimum or 0, obj.maximum or 0) > (most := capacity()):
            self.message_user(request, f"The hosts that run now take {most} processors in all.", level="WARNING")


@admin.register(FleetDecision)
class FleetDecisionAdmin(ReadOnlyAdmin[FleetDecision]):
    """Every change of the number of processors that is kept."""

    list_display = ("at", "before", "wished", "alive", "reason")
    sortable_by = ()
