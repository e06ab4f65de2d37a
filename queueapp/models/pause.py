"""Pauses: the jobs that staff keep from being started for a while."""

from __future__ import annotations

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

from .owner import Owner


class Pause(models.Model):
    """A pause of an owner, of a task, or of everything: such jobs are not started. Resuming deletes the row.

    Written by lifecycle/pause.py only. Waiting jobs of a paused owner or task are *parked*: in no flow, for no moment.
    """

    owner = models.OneToOneField(
        Owner,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="pause",
        help_text="Whose jobs are not started. Without owner and task, everything is paused.",
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
            models.CheckConstraint(condition=Q(owner__isnull=True) | Q(task=""), name="pause_owner_or_task"),
            # Readers: paused.sql.
            models.UniqueConstraint(fields=["task"], condition=~Q(task=""), name="pause_once_per_task"),
            # Reader: all_paused.sql.
            models.UniqueConstraint(
                fields=["task"], condition=Q(task="", owner__isnull=True), name="pause_of_everything_once"
            ),
        ]

    def __str__(self) -> str:
        if self.owner is not None:
            return f"{'key' if self.owner.user is None else 'user'} {self.owner}"
        return f"task {self.task}" if self.task else "everything"

    def clean(self) -> None:
        """Raise ValidationError if it names both an owner and a task, or pauses everything once more."""
        if self.owner_id is not None and self.task:
            raise ValidationError("Pause an owner or a task, not both at once.")
        if self.owner_id is None and not self.task and Pause.objects.filter(owner=None, task="").exists():
            raise ValidationError("Everything is paused already.")
