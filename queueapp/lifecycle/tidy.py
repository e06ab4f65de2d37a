"""tidy: what every turn leaves behind in the order of the flows is cleared away in time."""

from __future__ import annotations

from django.db import connection

from ..models import Flow

MUCH = 5_000
"""Dead rows, beside a tenth of the living ones, from which clearing away pays."""

_DEAD = "SELECT n_dead_tup > %s + n_live_tup / 10 FROM pg_stat_user_tables WHERE relid = %s::regclass"


def tidy() -> bool:
    """VACUUM the flows where turns have left many dead rows; whether that was so.

    Each turn leaves an entry at the very place of the index where the next one begins to look. PostgreSQL comes by once
    a minute: by then a thousand flows are at half their speed. Takes some 10 ms for 1,000 flows, and stops nobody;
    where another process is at it, this returns at once. Call it outside of any transaction.
    """
    table = Flow._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(_DEAD, [MUCH, table])
        much = bool((cursor.fetchone() or [False])[0])
        if much:
            # Without giving back the end of the table, for which it would have to be locked.
            cursor.execute(f"VACUUM (SKIP_LOCKED, TRUNCATE FALSE) {table}")
        return much
