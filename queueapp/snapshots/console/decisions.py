"""Recent decisions: what staff did to the queue, and how the fleet followed the load."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.apps import apps

from ...models import FleetDecision

MAX_SHOWN = 100
"""Decisions that are shown, of each kind: the newest ones."""


@dataclass(frozen=True)
class Decision:
    """One decision. `by`: who took it; "" for the autoscaler. `about`: a kind of thing and its name."""

    at: datetime
    by: str
    about: str
    words: str


def decisions() -> list[Decision]:
    """Return the newest decisions of staff and of the autoscaler, the newest first. At most three queries.

    What staff did is in the admin's history. Without an admin, the log of the site has it.
    """
    found = [*_of_fleet(), *_of_staff()]
    return sorted(found, key=lambda one: one.at, reverse=True)[:MAX_SHOWN]


def has_history() -> bool:
    """Whether what staff do is kept in the database: the admin is among INSTALLED_APPS."""
    return apps.is_installed("django.contrib.admin")


def _of_fleet() -> list[Decision]:
    return [
        Decision(one.at, "", "fleet", f"{one.before} to {one.wished} processors: {one.reason}")
        for one in FleetDecision.objects.all()[:MAX_SHOWN]
    ]


def _of_staff() -> list[Decision]:
    if not has_history():
        return []
    from django.contrib.admin.models import LogEntry

    entries = LogEntry.objects.filter(content_type__app_label="queueapp").select_related("user", "content_type")
    return [
        Decision(
            entry.action_time,
            entry.user.get_username(),
            f"{entry.content_type.name if entry.content_type else 'record'} {entry.object_repr}",
            entry.get_change_message() or ("Added." if entry.is_addition() else "Deleted."),
        )
        for entry in entries.order_by("-pk")[:MAX_SHOWN]
    ]
