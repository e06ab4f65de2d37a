"""System checks that run before the site starts."""

from __future__ import annotations

from typing import Any

from django.core.checks import Error, Tags, register
from django.db import connection


@register(Tags.compatibility)
def postgresql_only(**_: Any) -> list[Error]:
    """Return an error if the database is not PostgreSQL: the order is kept by PostgreSQL's own locks."""
    if connection.vendor != "postgresql":
        return [Error("Set DATABASE_URL to a PostgreSQL database.", id="queueapp.E001")]
    return []
