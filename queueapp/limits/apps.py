"""An application of its own, for its one table."""

from __future__ import annotations

from django.apps import AppConfig


class LimitsConfig(AppConfig):
    name = "queueapp.limits"
    verbose_name = "Limits"
    default_auto_field = "django.db.models.BigAutoField"
