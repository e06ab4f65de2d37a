"""Clears away in time the dead tuples that every turn leaves, or moves the order start past them."""

from __future__ import annotations

import time

from django.db import connection

from ...models import FlowState, Processor

MUCH = 5_000
"""Dead rows of a table, beside a tenth of the living ones, from which tidying pays."""
CLEAR_EVERY = 1.0
"""Seconds between looks at how many there are."""
RAISE_EVERY = 0.2
"""Seconds between two moves of the order start while many dead rows cannot be cleared away. A submission waits for
one: some ms."""
RAISING = 0.05
"""The share of time that raising may take: it takes longer the more dead rows of processors there are."""
ANEW = 60.0
"""Seconds after which the order start is looked for from the beginning: a net below those who keep it true."""

_DEAD = "SELECT n_dead_tup, n_dead_tup > %s + n_live_tup / 10 FROM pg_stat_user_tables WHERE relid = %s::regclass"


class Tidying:
    """One per broker, which calls tidy() when it is `due`, by time.monotonic, outside of any transaction."""

    def __init__(self) -> None:
        self.due = float("-inf")
        self._clear_at = float("-inf")
        self._much = False
        self._anew_at = float("-inf")
        self._left: dict[str, int] = {}

    def tidy(self) -> bool:
        """Raise the order start and VACUUM where turns have left many dead rows; whether that was so.

        Each turn leaves entries at the very place of the order where the next one begins to look, and old versions of
        its rows. PostgreSQL comes by once a minute: by then a single flow is at two thirds of its speed. Takes some
        10 ms for 1,000 flows, and stops nobody. Locks: see db/sql/flow/move_order_start.sql.
        """
        begun = time.monotonic()
        if begun >= self._clear_at:
            tables = (FlowState._meta.db_table, Processor._meta.db_table)
            cleared = [self._clear(table) for table in tables]
            self._much = any(cleared)
            self._clear_at = begun + CLEAR_EVERY
        self.due = self._clear_at
        if self._much:
            raising = time.monotonic()
            self._move_order_start()
            now = time.monotonic()
            if any(left > MUCH for left in self._left.values()):
                self.due = min(self._clear_at, now + max(RAISE_EVERY, (now - raising) / RAISING))
        return self._much

    def _clear(self, table: str) -> bool:
        """VACUUM a table with many dead rows; not again for those that stayed, as a transaction is open elsewhere."""
        dead, much = _dead(table)
        self._left[table] = min(self._left.get(table, 0), dead)  # PostgreSQL itself may have come by
        if much and dead > 2 * self._left[table]:
            with connection.cursor() as cursor:
                # Without giving back the end of the table, for which it would have to be locked.
                cursor.execute(f"VACUUM (SKIP_LOCKED, TRUNCATE FALSE) {table}")
            self._left[table], _ = _dead(table)
        return much

    def _move_order_start(self) -> None:
        now = time.monotonic()
        anew = now - self._anew_at >= ANEW
        with connection.cursor() as cursor:
            cursor.execute("SELECT queueapp_move_order_start(%s)", [anew])
            if cursor.fetchone()[0] and anew:
                self._anew_at = now


def _dead(table: str) -> tuple[int, bool]:
    """How many dead rows a table has, and whether these are many."""
    with connection.cursor() as cursor:
        cursor.execute(_DEAD, [MUCH, table])
        return cursor.fetchone() or (0, False)
