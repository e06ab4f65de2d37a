"""What throttles remember, in the database, so that all web processes share it."""

from __future__ import annotations

from django.db import models


class Allowance(models.Model):
    """How much of an allowance somebody has left, as the one moment at which it is whole again.

    The table is unlogged (migrations/0001): a write costs no disk, and a crash of the database merely forgets.
    """

    key = models.CharField(primary_key=True, max_length=100, help_text="Kind of allowance, and whose.")
    whole_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.key
