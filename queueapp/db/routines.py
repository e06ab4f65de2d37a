"""The SQL functions' names in the database: that of the file, and the version of the database's part of this code.

So functions of two versions are in a database side by side, and processors of both work during an upgrade.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from psycopg.errors import UndefinedFunction

FOLDER = Path(__file__).parent / "sql"
MIGRATIONS = Path(__file__).parents[1] / "migrations"
LONGEST_NAME = 63
"""Bytes of a name that PostgreSQL keeps."""
GONE = (
    "The SQL functions of this version are not in the database any more, as it has been upgraded twice: "
    "start a later version."
)


def sql_files() -> dict[str, str]:
    """Return the text of each file of sql/ by its path there, in order."""
    found = {file.relative_to(FOLDER).as_posix(): file.read_text() for file in FOLDER.rglob("*.sql")}
    return dict(sorted(found.items()))


def own_migrations() -> list[str]:
    """Return the names of the app's migrations, in order."""
    return sorted(file.stem for file in MIGRATIONS.glob("[0-9]*.py"))


def version_of(files: dict[str, str], migrations: list[str]) -> str:
    """Return a short hash of the files and of the names of the migrations.

    Of the latter too: functions that stay the same over two releases are not those of one version, if the second
    release may drop columns that the code before the first one reads.
    """
    return hashlib.sha256(repr((files, migrations)).encode()).hexdigest()[:8]


def names_in(files: dict[str, str]) -> list[str]:
    """Return the names of the functions that the files define."""
    return re.findall(r"^CREATE OR REPLACE FUNCTION (queueapp_\w+)", "\n".join(files.values()), re.MULTILINE)


_files, _migrations = sql_files(), own_migrations()
VERSION = version_of(_files, _migrations)
"""The version of the functions and of the tables for which they are made."""
_NAMES = re.compile(rf"\b(?:{'|'.join(names_in(_files))})\b")


def versioned(text: str) -> str:
    """Return an SQL text in which the functions of sql/ have the names that they have in the database.

    `queueapp_submit` becomes `queueapp_submit_3f2a91c0`. Names of tables, types and trigger functions stay: migrations
    own them, and versions share them. Raises ImproperlyConfigured if a name is too long.
    """
    return _NAMES.sub(_in_the_database, text)


def _in_the_database(name: re.Match[str]) -> str:
    longer = f"{name[0]}_{VERSION}"
    if len(longer) > LONGEST_NAME:
        raise ImproperlyConfigured(
            f"{longer} has {len(longer)} bytes, and PostgreSQL keeps {LONGEST_NAME}: shorten {name[0]}."
        )
    return longer


def are_installed() -> bool:
    """Whether the database has all functions of this version. One query."""
    with connection.cursor() as cursor:
        names = [versioned(name) for name in names_in(_files)]
        cursor.execute("SELECT count(to_regproc(name)) FROM unnest(%s::text[]) AS name", [names])
        return bool(cursor.fetchone()[0] == len(names))


def are_gone(error: BaseException | None) -> bool:
    """Whether a statement failed because the database does not have the functions of this version."""
    cause = error if isinstance(error, UndefinedFunction) else getattr(error, "__cause__", None)
    return isinstance(cause, UndefinedFunction) and f"_{VERSION}(" in str(cause)
