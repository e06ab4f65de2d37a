"""Helpers of tests of totals."""

from __future__ import annotations

from django.db import connection

from queueapp.lifecycle.maintenance.totals import count_ended


def count_all() -> None:
    """Count all that has ended in the totals."""
    count_ended(at_once=True)
    while count_ended():
        pass


def next_number() -> int:
    """Draw the number of an outcome that a test writes."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('queueapp_outcome_number')")
        return int(cursor.fetchone()[0])
