"""The bounds of a database session: those of its kind of process, unless the URL says otherwise."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql

from tests.kit.site import BASE

SHOW = """
import django, sys
django.setup()
from django.db import connection, transaction
from queueapp.db.sessions import bound_as
if sys.argv[1]:
    bound_as(sys.argv[1])
with transaction.atomic(), connection.cursor() as cursor:
    for name in sys.argv[2:]:
        cursor.execute(f"SHOW {name}")
        print(cursor.fetchone()[0])
"""
BOUNDS = ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout")


def shown(kind: str, *names: str, options: str = "", **environment: str) -> list[str]:
    """Settings of a session of this kind of process, in a transaction."""
    url = os.environ["DATABASE_URL"] + (f"&options={options}" if options else "")
    done = subprocess.run(
        [sys.executable, "-c", SHOW, kind, *names], cwd=BASE, check=True, capture_output=True, text=True,
        env=os.environ | {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "tests.settings"} | environment,
    )  # fmt: skip
    return done.stdout.split("\n")[:-1]


@pytest.mark.parametrize(
    ("kind", "bounds"),
    [
        ("web", ["3s", "30s", "30s"]),
        ("processors", ["5s", "1min", "10s"]),
        ("", ["10s", "0", "1min"]),
        ("tasks", ["0", "0", "0"]),
    ],
)
def test_each_kind_of_process_has_its_bounds(kind: str, bounds: list[str]) -> None:
    assert shown(kind, *BOUNDS) == bounds


def test_the_url_and_the_environment_say_otherwise() -> None:
    assert shown("web", *BOUNDS, options="-c%20lock_timeout%3D7s%20-c%20work_mem%3D8MB") == ["7s", "30s", "30s"]
    assert shown("web", *BOUNDS, PGOPTIONS="-c statement_timeout=9s") == ["3s", "9s", "30s"]


@pytest.fixture
def strict_role() -> Iterator[str]:
    """A role whose transactions are serializable unless they say otherwise."""
    name = "turnabout_strict"
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(name)))
        connection.execute(
            sql.SQL("ALTER ROLE {} SET default_transaction_isolation = 'serializable'").format(sql.Identifier(name))
        )
        yield name
        connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))


@pytest.mark.parametrize("pooler", ["yes", "no"])
def test_transactions_are_read_committed_whatever_the_database_says(strict_role: str, pooler: str) -> None:
    url = os.environ["DATABASE_URL"].replace("//postgres@", f"//{strict_role}@")
    environment = {"DATABASE_URL": url, "DATABASE_POOLER": pooler}
    assert shown("web", "transaction_isolation", **environment) == ["read committed"]
    if pooler == "no":
        assert shown("web", "default_transaction_isolation", **environment) == ["read committed"]
