"""Tasks that leave their database connection in a state, or hold locks."""

from __future__ import annotations

import contextlib
from typing import Any

from django.db import DatabaseError, connection, transaction

from bench.hostile.kinds import kind
from queueapp.registry import JobContext

_kept: list[Any] = []
"""What must not be garbage-collected at the end of a task."""


def _sql(*statements: str) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


@kind("begin", ends="failed")
def begin(job: JobContext) -> None:
    """BEGIN, and no COMMIT."""
    _sql("BEGIN")


@kind("begin-written", ends="failed")
def begin_written(job: JobContext) -> None:
    """BEGIN, a write to a table, and no COMMIT."""
    _sql("BEGIN", "UPDATE accounts_user SET first_name = 'left' WHERE username = 'mallory'")


@kind("atomic-unclosed", ends="failed")
def atomic_unclosed(job: JobContext) -> None:
    """Enter atomic() and never leave it."""
    block = transaction.atomic()
    block.__enter__()
    _sql("SELECT 1")
    _kept.append(block)


@kind("autocommit-off", ends="failed")
def autocommit_off(job: JobContext) -> None:
    """set_autocommit(False), and a query."""
    transaction.set_autocommit(False)
    _sql("SELECT 1")


@kind("autocommit-off-idle")
def autocommit_off_idle(job: JobContext) -> None:
    """set_autocommit(False), and no query."""
    transaction.set_autocommit(False)


@kind("transaction-aborted", ends="failed")
def transaction_aborted(job: JobContext) -> None:
    """A transaction that an error has aborted."""
    _sql("BEGIN")
    with contextlib.suppress(DatabaseError):
        _sql("SELECT 1 / 0")


@kind("savepoint", ends="failed")
def savepoint(job: JobContext) -> None:
    """A savepoint in an open transaction."""
    _sql("BEGIN", "SAVEPOINT mine", "SELECT 1")


@kind("copy-unfinished")
def copy_unfinished(job: JobContext) -> None:
    """COPY TO STDOUT, read halfway."""
    cursor = connection.connection.cursor() if connection.connection else connection.cursor().connection.cursor()
    copy = cursor.copy("COPY (SELECT generate_series(1, 100000)) TO STDOUT")
    entered = copy.__enter__()
    entered.read()
    _kept.append((cursor, copy))


@kind("time-zone")
def time_zone(job: JobContext) -> None:
    """SET TIME ZONE."""
    _sql("SET TIME ZONE 'Asia/Tokyo'")


@kind("statement-timeout")
def statement_timeout(job: JobContext) -> None:
    """SET statement_timeout = 1 ms."""
    _sql("SET statement_timeout = 1")


@kind("search-path")
def search_path(job: JobContext) -> None:
    """SET search_path to a schema that is not there."""
    _sql("SET search_path = nowhere")


@kind("role")
def role(job: JobContext) -> None:
    """SET ROLE to one that may only read."""
    _sql("SET ROLE pg_read_all_data")


@kind("app-user")
def app_user(job: JobContext) -> None:
    """SET app.user, which row-level security would go by."""
    _sql("SELECT set_config('app.user', 'mallory', false)")


@kind("read-only")
def read_only(job: JobContext) -> None:
    """SET default_transaction_read_only."""
    _sql("SET default_transaction_read_only = on")


@kind("isolation")
def isolation(job: JobContext) -> None:
    """SET default_transaction_isolation = serializable."""
    _sql("SET default_transaction_isolation = 'serializable'")


@kind("temporary-table")
def temporary_table(job: JobContext) -> None:
    """A temporary table with the name of one of the queue's."""
    _sql("CREATE TEMP TABLE queueapp_waiting (id int)", "CREATE TEMP TABLE queueapp_processor (id int)")


@kind("prepared-names")
def prepared_names(job: JobContext) -> None:
    """Prepared statements with names such as psycopg gives."""
    _sql("PREPARE _pg3_0 AS SELECT 1", "PREPARE _pg3_1 AS SELECT 1")


@kind("close-connection")
def close_connection(job: JobContext) -> None:
    """Close the connection below Django."""
    connection.ensure_connection()
    connection.connection.close()


@kind("terminate-own")
def terminate_own(job: JobContext) -> None:
    """Have the server end one's own connection."""
    with contextlib.suppress(DatabaseError):
        _sql("SELECT pg_terminate_backend(pg_backend_pid())")


@kind("advisory-lock")
def advisory_lock(job: JobContext) -> None:
    """A session's advisory locks with the queue's own keys, left locked."""
    _sql("SELECT pg_advisory_lock(7200, 0), pg_advisory_lock(7200), pg_advisory_lock(7203, 0)")


@kind("listen")
def listen(job: JobContext) -> None:
    """LISTEN, left on, and 99 notices to itself."""
    _sql(
        "LISTEN queueapp_work",
        "LISTEN elsewhere",
        "SELECT pg_notify('elsewhere', g::text) FROM generate_series(1, 1000) g",
    )


@kind("held-cursor")
def held_cursor(job: JobContext) -> None:
    """A cursor WITH HOLD over many rows, left open."""
    _sql("DECLARE mine CURSOR WITH HOLD FOR SELECT generate_series(1, 10000)")


@kind("lock-table", calm=1.5)
def lock_table(job: JobContext) -> None:
    """LOCK TABLE queueapp_waiting IN EXCLUSIVE MODE for 2 s: reads pass."""
    with transaction.atomic():
        _sql("LOCK TABLE queueapp_waiting IN EXCLUSIVE MODE", "SELECT pg_sleep(2)")


@kind("lock-table-exclusively", calm=2.5)
def lock_table_exclusively(job: JobContext) -> None:
    """LOCK TABLE queueapp_waiting for 1 s: reads wait, too."""
    with transaction.atomic():
        _sql("LOCK TABLE queueapp_waiting", "SELECT pg_sleep(1)")


@kind("lock-processor")
def lock_processor(job: JobContext) -> None:
    """SELECT ... FOR UPDATE of the processors' rows for 2 s."""
    with transaction.atomic():
        _sql("SELECT 1 FROM queueapp_processor FOR UPDATE", "SELECT pg_sleep(2)")


@kind("lock-flow-state")
def lock_flow_state(job: JobContext) -> None:
    """SELECT ... FOR UPDATE of the flows' rows for 2 s."""
    with transaction.atomic():
        _sql("SELECT 1 FROM queueapp_flowstate FOR UPDATE", "SELECT pg_sleep(2)")


@kind("connections-left")
def connections_left(job: JobContext) -> None:
    """Open fifteen more connections and keep them."""
    parameters = connection.get_connection_params() | {"cursor_factory": None}
    import psycopg

    _kept.extend(psycopg.connect(**parameters) for _ in range(15))


@kind("settings-dict")
def settings_dict(job: JobContext) -> None:
    """Change connection.settings_dict and settings.DATABASES to a database that is not there, and close."""
    from django.conf import settings

    connection.settings_dict["NAME"] = settings.DATABASES["default"]["NAME"] = "nowhere"
    connection.settings_dict["HOST"] = "/nowhere"
    connection.close()
