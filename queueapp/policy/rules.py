"""Which rule covers a user, and so which flow the user's jobs join, with what weight."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

COMMON = "common"
"""The flow of everyone whom no rule covers."""


@dataclass(frozen=True)
class Rule:
    """A priority rule as the decision needs it. `users` and `groups` both empty, and no `others`: everyone.

    `others`: whether it names users beside `users`, whom the decision is not about.
    """

    id: int
    weight: float = 1.0
    together: bool = False
    cap: int | None = None
    users: frozenset[int] = field(default_factory=frozenset)
    groups: frozenset[int] = field(default_factory=frozenset)
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    others: bool = False

    def covers(self, user: int, groups: frozenset[int], now: datetime) -> bool:
        """Whether the rule is in force at `now` and names this user, a group of theirs, or everyone."""
        if self.valid_from is not None and now < self.valid_from:
            return False
        if self.valid_until is not None and now >= self.valid_until:
            return False
        everyone = not self.users and not self.groups and not self.others
        return everyone or user in self.users or not self.groups.isdisjoint(groups)


@dataclass(frozen=True)
class Route:
    """The flow that a user's jobs join. `user` is set where the flow is that user's alone.

    A user has one flow alone, whichever rule decides: from one such rule to another only its weight and cap change,
    and no job has to move.
    """

    key: str
    rule: int | None = None
    user: int | None = None
    weight: float = 1.0
    cap: int | None = None


def route(user: int, groups: frozenset[int], rules: Iterable[Rule], now: datetime) -> Route:
    """The route by the first rule, in the order given, that covers the user; else the common flow."""
    for rule in rules:
        if rule.covers(user, groups, now):
            if rule.together:
                return Route(f"rule:{rule.id}", rule.id, None, rule.weight, rule.cap)
            return Route(f"user:{user}", rule.id, user, rule.weight, rule.cap)
    return Route(COMMON)
