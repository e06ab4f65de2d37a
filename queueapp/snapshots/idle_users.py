"""Users without jobs for whom other rules would decide."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from django.db.models import Q

from ..models import User
from ..policy.rules import Rule, route
from .backlog import groups_of

MOST = 1_000
"""Users that are looked at."""


def idle_rerouted(
    busy: Collection[int], touched: Collection[Rule], before: Sequence[Rule], after: Sequence[Rule], now: datetime
) -> tuple[list[str], bool]:
    """Names of users who are not `busy` and whose next jobs take turns otherwise; whether there may be more.

    `touched`: the rules that are changed, as they are and as they would be: who is covered by none of them is not
    concerned. Two queries.
    """
    users = User.objects.filter(is_active=True).exclude(pk__in=busy).order_by("username")
    if not touched:
        return [], False
    if all(rule.users or rule.groups for rule in touched):
        named = Q(pk__in={user for rule in touched for user in rule.users})
        members = User.groups.through._default_manager.filter(group_id__in={g for rule in touched for g in rule.groups})
        users = users.filter(named | Q(pk__in=members.values("user_id")))
    names = dict(users.values_list("pk", "username")[: MOST + 1])
    found = [
        names[user]
        for user, groups in groups_of(names).items()
        if route(user, groups, before, now) != route(user, groups, after, now)
    ]
    return found, len(names) > MOST
