"""Installs the SQL functions of sql/ after every migration, so that they are always those of this code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.db import connections, transaction

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


def install(using: str = "default", **_: Any) -> None:
    """Create or replace every function; receiver of post_migrate."""
    with transaction.atomic(using=using), connections[using].cursor() as cursor:
        # Older ones go first: their types may have been others. Those of triggers are a migration's, and stay.
        # A function may call one that a later file defines.
        cursor.execute(_DROP_ALL)
        cursor.execute("SET LOCAL check_function_bodies = off")
        for file in sorted(FOLDER.rglob("*.sql")):
            cursor.execute(file.read_text())
