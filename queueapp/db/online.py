"""Migrations that run beside working processors and web servers: they never keep others waiting for long.

A statement such as ALTER TABLE waits until it has its table to itself, and everybody who comes later waits behind it.
So it waits for LOCK_SECONDS at most, lets the others go on, and tries again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from django.core.management import CommandError
from django.db import OperationalError, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations import Migration
from django.db.migrations.state import ProjectState
from psycopg import errors

T = TypeVar("T")
LOCK_SECONDS = 2
"""Maximum seconds of a wait for a lock. Below the lock_timeout of web servers, whose requests may wait behind it."""
ATTEMPTS = 5
PAUSE_SECONDS = 1.0
"""Seconds between two attempts, for those who waited behind the last one."""

# The session whose open transaction with a lock on one of the tables is the oldest. Of sessions of other roles only
# some may see since when.
_OLDEST = """
    SELECT a.pid, coalesce(nullif(a.application_name, ''), 'no application_name'),
           coalesce(round(extract(epoch FROM clock_timestamp() - a.xact_start))::text || ' s', 'unknown time')
      FROM pg_stat_activity a
     WHERE a.datname = current_database() AND a.pid <> pg_backend_pid()
       AND EXISTS (SELECT FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
                    WHERE l.pid = a.pid AND l.granted AND c.relkind = 'r'
                      AND c.relnamespace = current_schema()::regnamespace)
     ORDER BY a.xact_start LIMIT 1
"""


class OnlineMigration(Migration):
    """A migration that waits for locks as `briefly` does. The base class of every migration of the queue.

    It is to lock one table that exists: while it waits for a second one, others wait for the first. One that is not
    atomic, as for CREATE INDEX CONCURRENTLY, waits as the session does: such statements let others go on.
    """

    def apply(
        self, project_state: ProjectState, schema_editor: BaseDatabaseSchemaEditor, collect_sql: bool = False
    ) -> ProjectState:
        """As Django's."""
        if collect_sql or not self.atomic:
            return super().apply(project_state, schema_editor, collect_sql)
        apply = super().apply
        return self._briefly(schema_editor, lambda: apply(project_state.clone(), schema_editor))

    def unapply(
        self, project_state: ProjectState, schema_editor: BaseDatabaseSchemaEditor, collect_sql: bool = False
    ) -> ProjectState:
        """As Django's."""
        if collect_sql or not self.atomic:
            return super().unapply(project_state, schema_editor, collect_sql)
        unapply = super().unapply
        return self._briefly(schema_editor, lambda: unapply(project_state, schema_editor))

    def _briefly(self, schema_editor: BaseDatabaseSchemaEditor, work: Callable[[], T]) -> T:
        before = list(schema_editor.deferred_sql)

        def at_once() -> T:
            schema_editor.deferred_sql[:] = before
            result = work()
            for statement in schema_editor.deferred_sql:  # else Django runs them after the last attempt
                schema_editor.execute(statement, None)
            schema_editor.deferred_sql.clear()
            return result

        return briefly(schema_editor.connection, f"{self.app_label}.{self.name}", at_once)


def briefly(connection: BaseDatabaseWrapper, what: str, work: Callable[[], T]) -> T:
    """Return the result of `work`, run in a transaction or a savepoint. It waits at most LOCK_SECONDS for a lock.

    If a lock is not to be had, nothing is changed, the locks that it has are released, and it is tried again after
    PAUSE_SECONDS. Raises CommandError, which names `what` and who may be in the way, after ATTEMPTS attempts.
    """
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(PAUSE_SECONDS)
        try:
            with transaction.atomic(using=connection.alias):
                with connection.cursor() as cursor:
                    cursor.execute("SELECT set_config('lock_timeout', %s, true)", [f"{LOCK_SECONDS}s"])
                return work()
        except OperationalError as error:
            if not isinstance(error.__cause__, errors.LockNotAvailable | errors.DeadlockDetected):
                raise
    raise CommandError(
        f"{what} did not get its locks in {ATTEMPTS} attempts of {LOCK_SECONDS} s and has changed nothing"
        f"{_in_the_way(connection)}: run manage.py migrate again."
    )


def _in_the_way(connection: BaseDatabaseWrapper) -> str:
    with connection.cursor() as cursor:
        cursor.execute(_OLDEST)
        row = cursor.fetchone()
    if row is None:
        return ""
    pid, application, age = row
    return f"; the oldest transaction with a lock, open for {age}, is that of session {pid} ({application})"
