"""An application of its own, for its one table."""

from __future__ import annotations

from django.apps import AppConfig


class GuardConfig(AppConfig):
    name = "queueapp.guard"
    verbose_name = "Guard"
    default_auto_field = "django.db.models.BigAutoField"
