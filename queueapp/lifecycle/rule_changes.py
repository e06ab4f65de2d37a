"""Signal receivers that follow a change of rules as soon as it is committed.

Triggers note each change (models/routing.py), and sweeps follow the notes. The receivers only make that prompt: the
process that made the change routes the owners itself.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models.signals import m2m_changed, post_delete, post_save, pre_delete

from ..models import PriorityRule
from ..user_model import memberships
from .route import reroute


def _rules_changed(**_: Any) -> None:
    """Reroute once after the transaction, however many changes it made."""
    waiting = transaction.get_connection().run_on_commit
    if not any(call[1] is reroute for call in waiting):
        # Robust: the change is committed. If this fails or is cut short, a sweep goes on with it.
        transaction.on_commit(reroute, robust=True)


def _note_rules(instance: Any, **_: Any) -> None:
    """Remember which rules name a user or a group that is about to be deleted, perhaps with others."""
    instance._named_by = list(instance.priority_rules.values_list("pk", flat=True))


def _switch_off_emptied(instance: Any, **_: Any) -> None:
    """Switch off rules that now name nobody, in the same commit: they must not come to cover everyone."""
    named_by = PriorityRule.objects.filter(pk__in=instance._named_by)
    named_by.filter(users=None, groups=None, keys=[]).update(active=False)


def _groups_changed(instance: Any, action: str, **_: Any) -> None:
    if action in {"post_add", "post_remove", "post_clear"}:
        _rules_changed()


def follow() -> None:
    """Connect the receivers: rules, what they name, and group memberships. New owners are routed when first needed."""
    post_save.connect(_rules_changed, sender=PriorityRule, dispatch_uid="route-rule-saved")
    post_delete.connect(_rules_changed, sender=PriorityRule, dispatch_uid="route-rule-deleted")
    post_delete.connect(_rules_changed, sender=Group, dispatch_uid="route-group-deleted")
    for named in (get_user_model(), Group):
        pre_delete.connect(_note_rules, sender=named, dispatch_uid=f"route-{named.__name__}-goes")
        post_delete.connect(_switch_off_emptied, sender=named, dispatch_uid=f"route-{named.__name__}-gone")
    for through in (PriorityRule.users.through, PriorityRule.groups.through, memberships()):
        if through is None:
            continue
        m2m_changed.connect(_groups_changed, sender=through, dispatch_uid=f"route-{through.__name__}")
