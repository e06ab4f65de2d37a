"""Migrations that run beside working processors and web servers: they never keep others waiting for long.

A statement such as ALTER TABLE waits until it has its table to itself, and everybody who comes later waits behind it.
So it waits for LOCK_SECONDS at most, lets the others go on, and tries again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from django.core.management import CommandError
from django.db import OperationalError, router, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations import AddIndex, Migration, RemoveIndex
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

    It is to lock one table that exists: while it waits for a second one, others wait for the first.

    One that is not atomic has only operations on indexes, CONCURRENTLY: others go on while these wait, as long as the
    session may. PostgreSQL leaves an invalid index behind if one is refused its lock, or killed. So each attempt
    begins by dropping the indexes that it is to make.
    """

    def apply(
        self, project_state: ProjectState, schema_editor: BaseDatabaseSchemaEditor, collect_sql: bool = False
    ) -> ProjectState:
        """As Django's."""
        made = [(made.model_name, made.index.name) for made in self.operations if isinstance(made, AddIndex)]
        run = partial(super().apply, schema_editor=schema_editor, collect_sql=collect_sql)
        return self._online(project_state, schema_editor, made, lambda: run(project_state.clone()), collect_sql)

    def unapply(
        self, project_state: ProjectState, schema_editor: BaseDatabaseSchemaEditor, collect_sql: bool = False
    ) -> ProjectState:
        """As Django's."""
        made = [(gone.model_name, gone.name) for gone in self.operations if isinstance(gone, RemoveIndex)]
        run = partial(super().unapply, schema_editor=schema_editor, collect_sql=collect_sql)
        return self._online(project_state, schema_editor, made, lambda: run(project_state), collect_sql)

    def _online(
        self,
        state: ProjectState,
        schema_editor: BaseDatabaseSchemaEditor,
        made: list[tuple[str, str]],
        run: Callable[[], T],
        collect_sql: bool,
    ) -> T:
        if collect_sql:
            return run()
        connection, what = schema_editor.connection, f"{self.app_label}.{self.name}"
        if self.atomic:
            before = list(schema_editor.deferred_sql)
            return briefly(connection, what, lambda: _with_deferred(schema_editor, before, run))

        def attempt() -> T:
            for model, index in made:
                if router.allow_migrate(connection.alias, self.app_label, model_name=model.lower()):
                    table = state.apps.get_model(self.app_label, model)._meta.db_table
                    _drop_index(schema_editor, table, index)
            return run()

        return _attempts(connection, f"{what} did not get its locks in {ATTEMPTS} attempts", attempt)


def _with_deferred(schema_editor: BaseDatabaseSchemaEditor, before: list[Any], run: Callable[[], T]) -> T:
    schema_editor.deferred_sql[:] = before
    result = run()
    for statement in schema_editor.deferred_sql:  # else Django runs them after the last attempt
        schema_editor.execute(statement, None)
    schema_editor.deferred_sql.clear()
    return result


def _drop_index(schema_editor: BaseDatabaseSchemaEditor, table: str, index: str) -> None:
    with schema_editor.connection.cursor() as cursor:
        there = schema_editor.connection.introspection.get_constraints(cursor, table)
    if index in there:
        schema_editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {schema_editor.quote_name(index)}")


def briefly(connection: BaseDatabaseWrapper, what: str, work: Callable[[], T]) -> T:
    """Return the result of `work`, run in a transaction or a savepoint. It waits at most LOCK_SECONDS for a lock.

    If a lock is not to be had, nothing is changed, the locks that it has are released, and it is tried again after
    PAUSE_SECONDS. Raises CommandError, which names `what` and who may be in the way, after ATTEMPTS attempts.
    """

    def attempt() -> T:
        with transaction.atomic(using=connection.alias):
            with connection.cursor() as cursor:
                cursor.execute("SELECT set_config('lock_timeout', %s, true)", [f"{LOCK_SECONDS}s"])
            return work()

    failed = f"{what} did not get its locks in {ATTEMPTS} attempts of {LOCK_SECONDS} s and has changed nothing"
    return _attempts(connection, failed, attempt)


def _attempts(connection: BaseDatabaseWrapper, failed: str, attempt: Callable[[], T]) -> T:
    for number in range(ATTEMPTS):
        if number:
            time.sleep(PAUSE_SECONDS)
        try:
            return attempt()
        except OperationalError as error:
            if not isinstance(error.__cause__, errors.LockNotAvailable | errors.DeadlockDetected):
                raise
    raise CommandError(f"{failed}{_in_the_way(connection)}: run manage.py migrate again.")


def _in_the_way(connection: BaseDatabaseWrapper) -> str:
    with connection.cursor() as cursor:
        cursor.execute(_OLDEST)
        row = cursor.fetchone()
    if row is None:
        return ""
    pid, application, age = row
    return f"; the oldest transaction with a lock, open for {age}, is that of session {pid} ({application})"
