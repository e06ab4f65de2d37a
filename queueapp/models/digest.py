"""E-mail digests: who gets one, how often, and up to which completion the last one told."""

from __future__ import annotations

from datetime import timedelta

from django.db import models
from django.utils.translation import gettext_lazy

from .owner import Owner


class Digest(models.Model):
    """An owner's choice of digests. No row: none are sent."""

    class Period(models.TextChoices):
        HOURLY = "hourly", gettext_lazy("once an hour")
        DAILY = "daily", gettext_lazy("once a day")

    owner = models.OneToOneField(Owner, primary_key=True, on_delete=models.CASCADE, related_name="digest")
    period = models.CharField(max_length=10, choices=Period.choices)
    number = models.BigIntegerField(help_text="Completions up to this number were told, or are not to be.")
    # Reader: the broker, which submits those that are due.
    next_at = models.DateTimeField(db_index=True, help_text="When the next one is due.")
    page = models.CharField(max_length=500, help_text="Where the owner made the choice: links begin as it does.")

    def __str__(self) -> str:
        return f"{self.owner_id} {self.period}"

    @property
    def every(self) -> timedelta:
        """The time between two digests."""
        return timedelta(hours=1 if self.period == self.Period.HOURLY else 24)
