"""prepared: statements that are run over and over are parsed and planned once per connection."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
from django.db import connection

ONLY_WHAT_ASKS = sys.maxsize
"""Times that psycopg sees a statement before it prepares it unasked."""


def prepared_row(statement: str, arguments: Sequence[Any] | Mapping[str, Any]) -> tuple[Any, ...]:
    """The one row that a statement returns. Raises what Django raises for errors of the database.

    Not by Django's cursor, which sends the whole statement to be parsed anew each time; and Django sets psycopg's
    threshold to None, at which nothing is prepared, not even what asks for it.
    """
    connection.ensure_connection()
    connection.connection.prepare_threshold = ONLY_WHAT_ASKS
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        row: tuple[Any, ...] | None = cursor.execute(statement, arguments, prepare=True).fetchone()
        assert row is not None
        return row
