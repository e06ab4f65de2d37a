"""Installs the SQL functions of sql/ after each `migrate`, so that they always match the code.

It also puts a trigger on the project's table of group memberships, and refuses to migrate a database that has
migrations unknown to this code.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.apps import AppConfig
from django.core.management import CommandError
from django.db import connections, transaction
from django.db.migrations.loader import MigrationLoader

from ..user_model import memberships

FOLDER = Path(__file__).parent / "sql"

_DROP_ALL = """
    DO $$
    DECLARE routine record;
    BEGIN
        FOR routine IN
            SELECT oid::regprocedure AS name FROM pg_proc
             WHERE proname LIKE 'queueapp\\_%' AND pronamespace = current_schema()::regnamespace
               AND prorettype <> 'trigger'::regtype
        LOOP
            EXECUTE format('DROP ROUTINE %s', routine.name);
        END LOOP;
    END $$
"""
# Rules name groups: whoever changes who is in one, a form or plain SQL, changes what the rules decide.
_FOLLOW_MEMBERSHIPS = """
    CREATE OR REPLACE TRIGGER queueapp_rule_change AFTER INSERT OR UPDATE OR DELETE ON {}
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


def install(using: str = "default", **_: Any) -> None:
    """Drop all functions, create those of sql/ and the trigger, in one transaction. Receiver of post_migrate."""
    connection = connections[using]
    with transaction.atomic(using=using), connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
        if "queueapp_flowstate" not in tables:  # after `migrate queueapp zero`
            return
        # CREATE OR REPLACE cannot change types, so older functions are dropped. Trigger functions stay: migrations own
        # them. A function may call one that a later file defines, so bodies are not checked.
        cursor.execute(_DROP_ALL)
        cursor.execute("SET LOCAL check_function_bodies = off")
        for file in sorted(FOLDER.rglob("*.sql")):
            cursor.execute(file.read_text())
        members = memberships()
        if members is not None and members._meta.db_table in tables:
            cursor.execute(_FOLLOW_MEMBERSHIPS.format(connection.ops.quote_name(members._meta.db_table)))
