"""The change of rules that a form or a deletion would make, worked out without making it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from queueapp.models import PriorityRule
from queueapp.policy.rules import Rule

NEW = 0
"""The id of a rule that has none yet. The database begins with 1."""


@dataclass(frozen=True)
class Change:
    """The active rules before and after, in the order in which they are asked, and every rule's name by its id.

    `touched`: the rules that change, in both versions. `posted`: the rule as it would be saved; None: a deletion.
    `active`: whether it would be switched on.
    """

    before: Sequence[Rule]
    after: Sequence[Rule]
    names: tuple[Mapping[int, str], Mapping[int, str]]
    touched: Sequence[Rule]
    posted: Rule | None = None
    active: bool = True

    def begins_later(self, now: datetime) -> bool:
        """Whether nothing changes at `now` because the rule begins to hold later."""
        if self.posted is None or self.posted.valid_from is None or not self.active:
            return False
        held = any(rule.id == self.posted.id and _holds(rule, now) for rule in self.before)
        return self.posted.valid_from > now and not held

    def as_if_begun(self) -> Change:
        """Return the same change with the rule in force from now on."""
        assert self.posted is not None
        begun = replace(self.posted, valid_from=None)
        after = [begun if rule == self.posted else rule for rule in self.after]
        return replace(self, after=after, touched=[*self.touched, begun])


def by_saving(form: Any) -> Change:
    """Return the change that saving a valid form would make."""
    before, data = PriorityRule.objects.load(), form.cleaned_data
    posted = PriorityRule(
        pk=form.instance.pk or NEW,
        **{name: data[name] for name in ("weight", "sharing", "cap", "keys", "valid_from", "valid_until")},
    ).as_policy({user.pk for user in data["users"]}, {group.pk for group in data["groups"]})
    position = dict(PriorityRule.objects.values_list("pk", "position")) | {posted.id: data["position"]}
    after = [rule for rule in before if rule.id != posted.id] + ([posted] if data["active"] else [])
    # A new rule gets the highest id, so it comes last of those in its position.
    after.sort(key=lambda rule: (position[rule.id], rule.id == NEW, rule.id))
    names = _names()
    return Change(
        before=before,
        after=after,
        names=(names, names | {posted.id: data["name"]}),
        touched=[rule for rule in (*before, *after) if rule.id == posted.id],
        posted=posted,
        active=data["active"],
    )


def by_deleting(rules: Iterable[PriorityRule]) -> Change:
    """Return the change that deleting rules would make."""
    before, going = PriorityRule.objects.load(), {rule.pk for rule in rules}
    names = _names()
    return Change(
        before=before,
        after=[rule for rule in before if rule.id not in going],
        names=(names, names),
        touched=[rule for rule in before if rule.id in going],
    )


def _names() -> dict[int, str]:
    return dict(PriorityRule.objects.values_list("pk", "name"))


def _holds(rule: Rule, now: datetime) -> bool:
    began = rule.valid_from is None or rule.valid_from <= now
    return began and (rule.valid_until is None or now < rule.valid_until)
