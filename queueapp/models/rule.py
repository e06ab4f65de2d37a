"""Priority rules: which owners share how. Written by staff in the admin."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Exists, F, OuterRef, Q

from ..policy.rules import Rule, Terms
from .owner import KEY

KEY_PATTERN = RegexValidator(rf"\A(?:{KEY}|(?:{KEY})?\*)\Z", "Write a key, or the beginning of keys and then *.")


class RuleQuerySet(models.QuerySet["PriorityRule"]):
    def active(self) -> RuleQuerySet:
        """The rules that are switched on, first to be asked first."""
        return self.filter(active=True).order_by("position", "id")

    def load(self, users: Collection[Any] | None = None) -> list[Rule]:
        """Return the active rules as policy/ needs them, in the order in which they are asked. Four queries.

        `users`: the primary keys of the users whom a decision is about. A rule may name very many others, who are left
        out.
        """
        user = PriorityRule._meta.get_field("users").m2m_reverse_field_name()
        mentions = PriorityRule.users.through._default_manager
        named = mentions.all() if users is None else mentions.filter(**{f"{user}__in": users})
        of_users, of_groups = defaultdict(set), defaultdict(set)
        for rule, pk in named.values_list("priorityrule", user):
            of_users[rule].add(pk)
        for rule, pk in PriorityRule.groups.through._default_manager.values_list("priorityrule", "group"):
            of_groups[rule].add(pk)
        naming = PriorityRule.objects.filter(Exists(mentions.filter(priorityrule=OuterRef("pk"))))
        name_users = set(naming.values_list("pk", flat=True))
        return [
            rule.as_policy(of_users[rule.pk], of_groups[rule.pk], others=rule.pk in name_users)
            for rule in self.active()
        ]


class PriorityRule(models.Model):
    """Whom it covers, and what they get. The first active rule that covers an owner decides."""

    class Sharing(models.TextChoices):
        SEPARATELY = "separately", "separately: each user takes turns with everybody else"
        TOGETHER = "together", "together: they queue up as one, in the order they submitted"

    name = models.CharField(max_length=100, unique=True, help_text="What you call this rule, e.g. “Premium”.")
    active = models.BooleanField(default=True, help_text="Switch a rule off to keep it without its effect.")
    position = models.PositiveIntegerField(
        default=100,
        help_text="Rules are asked from the lowest number up; the first one that covers an owner decides. "
        "Put special rules before general ones.",
    )
    users = models.ManyToManyField(
        settings.AUTH_USER_MODEL,
        blank=True,
        related_name="priority_rules",
        help_text="The users it covers. With no users, groups and keys it covers everyone.",
    )
    groups = models.ManyToManyField(
        Group,
        blank=True,
        related_name="priority_rules",
        help_text="It also covers all members of these groups.",
    )
    keys = ArrayField(
        models.CharField(max_length=200, validators=[KEY_PATTERN]),
        default=list,
        blank=True,
        help_text="It also covers these fairness keys, joined by commas. team-* covers all keys that begin with team-.",
    )
    weight = models.FloatField(
        default=1.0,
        validators=[MinValueValidator(0.1), MaxValueValidator(10.0)],
        help_text="How many turns they get for each turn of a user with weight 1: from 0.1 to 10. "
        "3 means three turns to one, never all of them: nobody is shut out.",
    )
    sharing = models.CharField(
        max_length=10,
        choices=Sharing.choices,
        default=Sharing.SEPARATELY,
        help_text="Whether each covered user gets that weight, or all of them share it.",
    )
    cap = models.PositiveSmallIntegerField(
        "processors at once",
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="The most processors that work for them at the same time. Leave it empty for no limit.",
    )
    valid_from = models.DateTimeField(null=True, blank=True, help_text="Has no effect before this moment.")
    valid_until = models.DateTimeField(null=True, blank=True, help_text="Has no effect from this moment on.")

    objects = RuleQuerySet.as_manager()

    class Meta:
        ordering = ["position", "id"]
        constraints = [
            models.CheckConstraint(condition=Q(weight__gte=0.1, weight__lte=10), name="rule_weight_from_0_1_to_10"),
            models.CheckConstraint(condition=Q(cap__isnull=True) | Q(cap__gte=1), name="rule_cap_at_least_1"),
            models.CheckConstraint(
                condition=Q(valid_from__isnull=True) | Q(valid_until__isnull=True) | Q(valid_from__lt=F("valid_until")),
                name="rule_valid_from_before_until",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Raises ValidationError, naming the field, where the rule would end before it begins."""
        if self.valid_from and self.valid_until and self.valid_from >= self.valid_until:
            raise ValidationError({"valid_until": "The rule must end after it begins."})

    def as_policy(self, users: Collection[Any], groups: Collection[int], *, others: bool = False) -> Rule:
        """Return the rule as policy/ needs it, with the primary keys of the users and groups that it names."""
        return Rule(
            id=self.pk,
            terms=Terms(self.weight, self.cap),
            together=self.sharing == self.Sharing.TOGETHER,
            users=frozenset(users),
            groups=frozenset(groups),
            keys=tuple(self.keys),
            valid_from=self.valid_from,
            valid_until=self.valid_until,
            others=others,
        )
