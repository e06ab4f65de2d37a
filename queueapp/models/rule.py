"""Priority rules: which users share how. Written by staff in the admin."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q


class RuleQuerySet(models.QuerySet["PriorityRule"]):
    def active(self) -> RuleQuerySet:
        """The rules that are switched on, first to be asked first."""
        return self.filter(active=True).order_by("position", "id")


class PriorityRule(models.Model):
    """Who is covered, and what they get. The first active rule that covers a user decides."""

    class Sharing(models.TextChoices):
        SEPARATELY = "separately", "separately: each user takes turns with everybody else"
        TOGETHER = "together", "together: they queue up as one, in the order they submitted"

    name = models.CharField(max_length=100, unique=True, help_text="What you call this rule, e.g. “Premium”.")
    active = models.BooleanField(default=True, help_text="Switch a rule off to keep it without its effect.")
    position = models.PositiveIntegerField(
        default=100,
        help_text="Rules are asked from the lowest number up; the first one that covers a user decides. "
        "Put special rules before general ones.",
    )
    users = models.ManyToManyField(
        settings.AUTH_USER_MODEL,
        blank=True,
        related_name="priority_rules",
        help_text="The users it covers. With no users and no groups it covers everyone.",
    )
    groups = models.ManyToManyField(
        Group,
        blank=True,
        related_name="priority_rules",
        help_text="It also covers all members of these groups.",
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
