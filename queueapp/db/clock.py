"""Moments: the database's clock, the only one that stored moments are compared with, and reads as of one moment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from django.db import connection, transaction
from django.db.models import DateTimeField, Func


class DatabaseClock(Func):
    """The present moment by the database's clock, in a query. Hosts' clocks may be off."""

    function = "clock_timestamp"
    output_field = DateTimeField()


def database_now() -> datetime:
    """The present moment by the database's clock. One query."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        now: datetime = cursor.fetchone()[0]
        return now


@contextmanager
def at_one_moment() -> Iterator[datetime]:
    """All queries see the database at one moment, this one, and none can write.

    Otherwise a job that goes on between two queries is in two places, or in none. Inside a transaction the moment is
    the caller's business. One round trip beside the transaction's own.
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
