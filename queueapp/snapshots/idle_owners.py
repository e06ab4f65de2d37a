"""Owners without jobs for whom a change of rules changes the flow, or its terms."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model

from ..models import Owner
from ..policy.rules import Rule, Subject, route
from ..user_model import active_users, groups_of, members_of

MAX_OWNERS = 1_000
"""Users, and keys, that are examined; one more of each tells that there are others."""


def idle_rerouted(
    busy: Collection[int], touched: Collection[Rule], before: Sequence[Rule], after: Sequence[Rule], now: datetime
) -> tuple[list[str], bool]:
    """Return the names of owners, none of `busy`, whose flow or terms would change; whether there may be more.

    `touched`: the changed rules, as they are and as they would be. An owner whom none of them covers is not concerned.
    At most four queries.
    """
    if not touched:
        return [], False
    subjects = [*_idle_users(busy, touched), *_idle_keys(busy)]
    found = [name for name, subject in subjects if route(0, subject, before, now) != route(0, subject, after, now)]
    return found, len(subjects) > MAX_OWNERS


def _idle_users(busy: Collection[int], touched: Collection[Rule]) -> list[tuple[str, Subject]]:
    field = get_user_model().USERNAME_FIELD
    users = active_users().exclude(queue_owner__in=busy).order_by(field)
    if not any(rule.for_everyone for rule in touched):
        named: set[Any] = {user for rule in touched for user in rule.users}
        users = users.filter(pk__in=named | members_of({group for rule in touched for group in rule.groups}))
    names = dict(users.values_list("pk", field)[: MAX_OWNERS + 1])
    return [(names[user], Subject(user, groups)) for user, groups in groups_of(names).items()]


def _idle_keys(busy: Collection[int]) -> list[tuple[str, Subject]]:
    keys = Owner.objects.filter(key__isnull=False).exclude(pk__in=busy).order_by("key")
    return [(key, Subject(key=key)) for key in keys.values_list("key", flat=True)[: MAX_OWNERS + 1] if key is not None]
