"""Prepared statements: what is run over and over is parsed and planned once per connection."""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
from django.db import connection

from .sessions import keeps_session

ONLY_WHAT_ASKS = sys.maxsize
"""Times that psycopg sees a statement before it prepares it unasked."""


class _Kept(threading.local):
    """The cursor that a thread keeps; of a connection that it has lost by now, perhaps."""

    cursor: psycopg.Cursor[Any] | None = None


_kept = _Kept()


def prepared_row(
    statement: str, arguments: Sequence[Any] | Mapping[str, Any], *, keep: bool = False
) -> tuple[Any, ...]:
    """The one row that a statement returns. Raises what Django raises for errors of the database.

    Not by Django's cursor, which sends the whole statement to be parsed anew each time; and Django sets psycopg's
    threshold to None, at which nothing is prepared, not even what asks for it. `keep`: with a cursor that the
    thread keeps, and the arguments with it: half the work for what a process does all the time.

    PREPARE = False in DATABASES: nothing is prepared, as behind a pooler, where the next transaction may be in another
    session, which has not heard of the statement.
    """
    connection.ensure_connection()
    with connection.wrap_database_errors:
        cursor = _kept.cursor if keep else None
        if cursor is None or cursor.connection is not connection.connection:
            connection.connection.prepare_threshold = ONLY_WHAT_ASKS
            cursor = psycopg.Cursor(connection.connection)
            if keep:
                _kept.cursor = cursor
        row: tuple[Any, ...] | None = cursor.execute(statement, arguments, prepare=keeps_session()).fetchone()
        assert row is not None
        return row
