"""Removes the dead tuples that every turn leaves, or moves the order start past them; renews misleading statistics."""

from __future__ import annotations

import time

from django.db import connection

from ...db.routines import versioned
from ...models import Attempt, FlowState, Job, Outcome, Processor, Waiting

MUCH = 5_000
"""Dead tuples of a table, on top of a tenth of the live ones, from which tidying pays."""
CLEAR_EVERY = 1.0
"""Seconds between two looks at how many there are."""
RAISE_EVERY = 0.2
"""Minimum seconds between two moves of the order start while many dead tuples cannot be removed. A flow that joins
waits for a move: some milliseconds."""
RAISING = 0.05
"""Maximum share of time for these moves, beside one per CLEAR_EVERY. The more dead tuples of processors there are, the
longer a move takes."""
FILLED_PAGES = 32
"""Pages of a table from which statistics that call it empty are renewed."""
ANEW = 60.0
"""Seconds after which the order start is searched from the beginning, in case another step left it wrong."""

_MOVE_ORDER_START = versioned("SELECT queueapp_move_order_start(%s)")
_DEAD = "SELECT n_dead_tup, n_dead_tup > %s + n_live_tup / 10 FROM pg_stat_user_tables WHERE relid = %s::regclass"
# Statistics that were gathered while a large submission was not committed say that pages hold no rows. All plans then
# cost the same, and some of them read the whole table for one job. Autovacuum renews them a minute later.
_CALLED_EMPTY = """
    SELECT relname, pg_relation_size(oid) / current_setting('block_size')::int FROM pg_class
     WHERE oid = ANY(%s::regclass[]) AND reltuples = 0 AND relpages > 0
"""


class Tidying:
    """Tidies for one broker, which calls tidy() when it is `due` (by time.monotonic), outside of any transaction."""

    def __init__(self) -> None:
        self.due = float("-inf")
        self._clear_at = float("-inf")
        self._much = False
        self._anew_at = float("-inf")
        self._left: dict[str, int] = {}
        self._analyzed: dict[str, int] = {}

    def tidy(self) -> bool:
        """VACUUM and move the order start if turns have left many dead tuples. Return whether they have.

        Each turn leaves dead index entries just where the next claim begins its scan, and dead tuples of its rows.
        Autovacuum comes at most once a minute; by then a single flow is at two thirds of its speed. Takes about 10 ms
        for 1,000 flows. Only a flow that joins waits for it. Locks: see db/sql/flow/move_order_start.sql.
        """
        begun = time.monotonic()
        if begun >= self._clear_at:
            tables = (FlowState._meta.db_table, Processor._meta.db_table)
            cleared = [self._clear(table) for table in tables]
            self._much = any(cleared)
            self._analyze_filled()
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
        """VACUUM a table that has many dead tuples. Return whether it has.

        Some stay while a transaction is open elsewhere. The next VACUUM comes once their number has doubled.
        """
        dead, much = _dead(table)
        self._left[table] = min(self._left.get(table, 0), dead)  # autovacuum may have run
        if much and dead > 2 * self._left[table]:
            with connection.cursor() as cursor:
                # To truncate the table, VACUUM would have to lock it exclusively.
                cursor.execute(f"VACUUM (SKIP_LOCKED, TRUNCATE FALSE) {table}")
            self._left[table], _ = _dead(table)
        return much

    def _analyze_filled(self) -> None:
        """ANALYZE tables of jobs that have been filled since they were found empty. Again only if one has grown."""
        with connection.cursor() as cursor:
            cursor.execute(_CALLED_EMPTY, [[model._meta.db_table for model in (Job, Waiting, Outcome, Attempt)]])
            for table, pages in cursor.fetchall():
                if pages >= FILLED_PAGES and pages > self._analyzed.get(table, 0):
                    cursor.execute(f"ANALYZE (SKIP_LOCKED) {table}")
                    self._analyzed[table] = pages

    def _move_order_start(self) -> None:
        now = time.monotonic()
        anew = now - self._anew_at >= ANEW
        with connection.cursor() as cursor:
            cursor.execute(_MOVE_ORDER_START, [anew])
            if cursor.fetchone()[0] and anew:
                self._anew_at = now


def _dead(table: str) -> tuple[int, bool]:
    """Return how many dead tuples a table has, and whether these are many."""
    with connection.cursor() as cursor:
        cursor.execute(_DEAD, [MUCH, table])
        return cursor.fetchone() or (0, False)
