"""Which rule covers an owner, and so which flow the owner's jobs join, on which terms."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

COMMON = "common"
"""The key of the flow for all owners that no rule covers."""


SYSTEM = "queueapp:"
"""How the fairness keys of the queue's own jobs begin, such as deliveries of webhooks."""
SYSTEM_SENTENCE = f"keys that begin with {SYSTEM} are those of the queue's own jobs"


@dataclass(frozen=True)
class Subject:
    """What rules ask about an owner: the user (by primary key) and the user's groups, or the fairness key."""

    user: Hashable | None = None
    groups: frozenset[int] = frozenset()
    key: str | None = None

    @property
    def is_system(self) -> bool:
        """Whether it owns jobs of the queue itself. A rule covers it only if it names the key."""
        return self.key is not None and self.key.startswith(SYSTEM)


@dataclass(frozen=True)
class Terms:
    """What a rule gives to a flow. `cap`: processors at once; None: no limit. In SQL: the type queueapp_terms."""

    weight: float = 1.0
    cap: int | None = None


DEFAULT_TERMS = Terms()
SYSTEM_TERMS = Terms(cap=1)
"""Of the queue's own jobs: they may wait for somebody else's server, so they take one processor at most."""


@dataclass(frozen=True)
class Rule:
    """A priority rule as the decision needs it. Without users, groups, keys and `others` it covers everyone.

    `users`, `groups`: primary keys. `keys`: fairness keys; one that ends with `*` stands for all that begin so.
    `others`: whether it names users beside `users`, whom the decision is not about.
    """

    id: int
    terms: Terms = DEFAULT_TERMS
    together: bool = False
    users: frozenset[Hashable] = field(default_factory=frozenset)
    groups: frozenset[int] = field(default_factory=frozenset)
    keys: tuple[str, ...] = ()
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    others: bool = False

    @property
    def for_everyone(self) -> bool:
        """Whether it names nobody."""
        return not (self.users or self.groups or self.keys or self.others)

    def covers(self, subject: Subject, now: datetime) -> bool:
        """Whether the rule is in force at `now` and names this user, one of the user's groups, this key, or nobody."""
        if self.valid_from is not None and now < self.valid_from:
            return False
        if self.valid_until is not None and now >= self.valid_until:
            return False
        named = subject.user is not None and subject.user in self.users
        for_everyone = self.for_everyone and not subject.is_system
        return for_everyone or named or not self.groups.isdisjoint(subject.groups) or self._names(subject.key)

    def _names(self, key: str | None) -> bool:
        if key is None:
            return False
        return any(key.startswith(name[:-1]) if name.endswith("*") else key == name for name in self.keys)


@dataclass(frozen=True)
class Route:
    """The flow that an owner's jobs join. `owner` is set where the flow is that owner's alone.

    An owner has one flow alone, whichever rule decides: from one such rule to another only its terms change, and no job
    has to move.
    """

    key: str
    rule: int | None = None
    owner: int | None = None
    terms: Terms = DEFAULT_TERMS


def route(owner: int, subject: Subject, rules: Iterable[Rule], now: datetime) -> Route:
    """Return the route by the first rule, in the order given, that covers the owner; else the common flow.

    A system owner without a rule has a flow alone, so that it holds up nobody.
    """
    for rule in rules:
        if rule.covers(subject, now):
            if rule.together:
                return Route(f"rule:{rule.id}", rule.id, None, rule.terms)
            return Route(f"owner:{owner}", rule.id, owner, rule.terms)
    return Route(f"owner:{owner}", None, owner, SYSTEM_TERMS) if subject.is_system else Route(COMMON)
