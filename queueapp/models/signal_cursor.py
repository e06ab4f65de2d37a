"""How far the signal of completed jobs was sent."""

from __future__ import annotations

from django.db import models
from django.db.models import Q


class SignalCursor(models.Model):
    """The number of the last outcome for which job_completed was sent. One row. No row: it was never sent."""

    number = models.BigIntegerField()

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(pk=1), name="signal_cursor_one_row")]

    def __str__(self) -> str:
        return f"{self.number}"
