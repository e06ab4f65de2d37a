"""Installs the SQL functions of sql/ after each `migrate`, beside those of the version before.

It also puts a trigger on the project's table of group memberships, and refuses to migrate a database that has
migrations unknown to this code.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from django.apps import AppConfig
from django.core.management import CommandError
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from ..user_model import memberships
from . import routines
from .online import briefly
from .routines import own_migrations, sql_files, versioned

CURRENT, PREVIOUS = "queueapp: current version", "queueapp: previous version"
"""Comments on the functions of the version that was installed last, and of the one before."""

# Trigger functions belong to migrations.
_INSTALLED = """
    SELECT oid::regprocedure::text, proname, obj_description(oid, 'pg_proc') FROM pg_proc
     WHERE proname LIKE 'queueapp\\_%' AND pronamespace = current_schema()::regnamespace
       AND prorettype <> 'trigger'::regtype
"""
_HAS_TRIGGER = "SELECT EXISTS (SELECT FROM pg_trigger WHERE tgname = 'queueapp_rule_change' AND tgrelid = %s::regclass)"
# Rules name groups: whoever changes who is in one, a form or plain SQL, changes what the rules decide.
_FOLLOW_MEMBERSHIPS = """
    CREATE TRIGGER queueapp_rule_change AFTER INSERT OR UPDATE OR DELETE ON {}
    FOR EACH ROW EXECUTE FUNCTION queueapp_note_rule_change()
"""


def refuse_unknown(sender: AppConfig, using: str = "default", **_: Any) -> None:
    """Raise CommandError if the database has migrations that this code does not have. Receiver of pre_migrate."""
    loader = MigrationLoader(connections[using])
    applied = {name for app, name in loader.applied_migrations if app == sender.label}
    if unknown := sorted(applied - {name for app, name in loader.disk_migrations if app == sender.label}):
        raise CommandError(
            f"The database has migrations that this version does not have ({unknown[-1]}): it is of a later version, "
            "or from before the first release. UPGRADING.md says what to do; `make clean` begins with a new one."
        )


def install(sender: AppConfig, using: str = "default", **_: Any) -> None:
    """Install this version's functions and the trigger, in one transaction. Receiver of post_migrate.

    Functions of the version installed before stay: its processors may still run. Older ones are dropped. Does nothing
    until all migrations of the app are applied, and so after one was undone: the functions are made for those tables.
    Raises CommandError as briefly() does. Locks: django_migrations, so that two installations come one after the other;
    to make the trigger, the table of memberships.
    """
    connection = connections[using]
    applied = MigrationRecorder(connection).applied_migrations()
    if any((sender.label, name) not in applied for name in own_migrations()):
        return
    briefly(connection, "The installation of the SQL functions", partial(_install, connection))


def _install(connection: BaseDatabaseWrapper) -> None:
    with connection.cursor() as cursor:
        cursor.execute("LOCK TABLE django_migrations IN SHARE ROW EXCLUSIVE MODE")
        _make_room(cursor)
        # A function may call one that a later file defines, so bodies are not checked.
        cursor.execute("SET LOCAL check_function_bodies = off")
        for text in sql_files().values():
            cursor.execute(versioned(text))
        _mark(cursor)
        _follow_memberships(connection, cursor)


def _make_room(cursor: CursorWrapper) -> None:
    """Drop the functions of the version before, unless the one that is to be installed is the last one, or that."""
    cursor.execute(_INSTALLED)
    found = cursor.fetchall()
    if any(_is_ours(name) and mark == CURRENT for _, name, mark in found):
        return
    if old := [routine for routine, name, mark in found if mark == PREVIOUS and not _is_ours(name)]:
        cursor.execute(f"DROP ROUTINE {', '.join(old)}")


def _mark(cursor: CursorWrapper) -> None:
    """Note which functions are of this version; all others that are left are of the version before."""
    cursor.execute(_INSTALLED)
    for routine, name, mark in cursor.fetchall():
        wanted = CURRENT if _is_ours(name) else PREVIOUS
        if mark != wanted:
            cursor.execute(f"COMMENT ON ROUTINE {routine} IS '{wanted}'")


def _is_ours(name: str) -> bool:
    return name.endswith(f"_{routines.VERSION}")


def _follow_memberships(connection: BaseDatabaseWrapper, cursor: CursorWrapper) -> None:
    """Put the trigger on the table of memberships, unless it is there: to make it locks out whoever writes to it."""
    members = memberships()
    if members is None or members._meta.db_table not in connection.introspection.table_names(cursor):
        return
    table = connection.ops.quote_name(members._meta.db_table)
    cursor.execute(_HAS_TRIGGER, [table])
    if not cursor.fetchone()[0]:
        cursor.execute(_FOLLOW_MEMBERSHIPS.format(table))
