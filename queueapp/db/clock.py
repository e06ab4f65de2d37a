"""The database's clock, and reads as of one moment. Stored moments are compared with no other clock."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from django.db import connection, transaction
from django.db.models import DateTimeField, Func


class DatabaseClock(Func):
    """The present moment by the database's clock, in a query. The clocks of hosts may be off."""

    function = "clock_timestamp"
    output_field = DateTimeField()


def database_now() -> datetime:
    """Return the present moment by the database's clock. One query."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        now: datetime = cursor.fetchone()[0]
        return now


@contextmanager
def at_one_moment() -> Iterator[datetime]:
    """Run the queries of a block on one snapshot, read only. Yields the present moment.

    Otherwise a job that goes on between two queries would be in two places, or in none. Inside a transaction it changes
    nothing: its isolation is the caller's business. One round trip beside the transaction's own.
    """
    if connection.in_atomic_block:
        yield database_now()
        return
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY; SELECT clock_timestamp()"  # in one round trip
        )
        cursor.nextset()
        yield cursor.fetchone()[0]
