"""Pauses: what staff keep from being started for a while."""

from __future__ import annotations

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q


class Pause(models.Model):
    """That nobody begins with the jobs of a user, with those of a task, or with any at all. Resumed: the row goes.

    Written by lifecycle/pause.py only. Waiting jobs of a paused user or task are *parked*: in no flow, for no moment.
    """

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="pause",
        help_text="Whose jobs are not started. Leave user and task empty to pause everything.",
    )
    task = models.CharField(
        max_length=100, blank=True, help_text="Jobs of this task are not started, whoever's they are."
    )
    reason = models.CharField(
        max_length=200, help_text="A few words that the users concerned read, e.g. “maintenance”."
    )
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, editable=False, on_delete=models.SET_NULL, related_name="+"
    )
    since = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["since"]
        constraints = [
            models.CheckConstraint(condition=Q(user__isnull=True) | Q(task=""), name="pause_user_or_task"),
            # Readers: paused.sql.
            models.UniqueConstraint(fields=["task"], condition=~Q(task=""), name="pause_once_per_task"),
            # Reader: all_paused.sql.
            models.UniqueConstraint(
                fields=["task"], condition=Q(task="", user__isnull=True), name="pause_of_everything_once"
            ),
        ]

    def __str__(self) -> str:
        if self.user is not None:
            return f"user {self.user}"
        return f"task {self.task}" if self.task else "everything"

    def clean(self) -> None:
        """Raises ValidationError where it names a user and a task, or pauses everything once more."""
        if self.user_id is not None and self.task:
            raise ValidationError("Pause a user or a task, not both at once.")
        if self.user_id is None and not self.task and Pause.objects.filter(user=None, task="").exists():
            raise ValidationError("Everything is paused already.")
