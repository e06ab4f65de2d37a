"""The state of rate limits, in the database, so that all web processes share it."""

from __future__ import annotations

from django.db import models


class Allowance(models.Model):
    """The rest of a client's rate limit, stored as the moment at which it is full again.

    The table is unlogged (migrations/0001): a write makes no WAL, and a crash of the database empties it.
    """

    key = models.CharField(primary_key=True, max_length=100, help_text="Kind of allowance, and whose.")
    whole_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.key
