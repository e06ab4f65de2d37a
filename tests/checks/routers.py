"""A router that puts the queue's tables elsewhere, and one that keeps them out of the database `default`."""

from __future__ import annotations

from typing import Any

from django.db.models import Model


class Elsewhere:
    def db_for_write(self, model: type[Model], **_: Any) -> str | None:
        """Put jobs, of all models, into another database."""
        return "other" if model._meta.label == "queueapp.Job" else None


class KeptOut:
    def allow_migrate(self, db: str, app_label: str, **_: Any) -> bool | None:
        """Let the queue's tables not be made."""
        return False if app_label == "queueapp" else None
