"""Prepared statements: a statement that is repeated is parsed once per connection."""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
from django.db import connection

from .sessions import keeps_session

ONLY_WHAT_ASKS = sys.maxsize
"""psycopg's prepare_threshold, in executions. No statement reaches it, so none is prepared unasked."""


class _Kept(threading.local):
    """The cursor that a thread keeps. Its connection may be lost by now."""

    cursor: psycopg.Cursor[Any] | None = None


_kept = _Kept()


def prepared_row(
    statement: str, arguments: Sequence[Any] | Mapping[str, Any], *, keep: bool = False
) -> tuple[Any, ...]:
    """Return the one row of a statement. Raises Django's exceptions for errors of the database.

    Django's cursor is not used: it sends the whole statement to be parsed each time. Django also sets psycopg's
    threshold to None, at which nothing is prepared, not even on request. `keep`: use a cursor that the thread keeps. It
    holds the last arguments, and halves the work of a statement that a process repeats all the time.

    With PREPARE = False in DATABASES nothing is prepared. Behind a pooler the next transaction may be in another
    session, which does not know the statement.
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
