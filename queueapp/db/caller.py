"""The caller's transaction: whether there is one, and statements that must not wait for its end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg
from django.db import DEFAULT_DB_ALIAS, connection

from .sessions import parameters

LOCK_SECONDS = 0.2
"""Seconds that commit_apart() waits for a lock: the caller's own transaction may have it."""


def in_transaction() -> bool:
    """Whether the caller has begun a transaction, by atomic() or without autocommit.

    That of Django's TestCase does not count, as it does not for `atomic(durable=True)`.
    """
    if not connection.in_atomic_block:
        return not connection.get_autocommit()
    return not all(map(_is_tests, connection.atomic_blocks))


def _is_tests(block: Any) -> bool:
    return bool(getattr(block, "_from_testcase", False))


def commit_apart(statement: str, arguments: Sequence[Any]) -> bool:
    """Run a statement in a transaction of its own, on a connection of its own. Return whether it was committed.

    It was not if no connection is left, or if a lock is not to be had within LOCK_SECONDS, nor within a TestCase, which
    could not undo it. Takes some milliseconds.
    """
    if any(map(_is_tests, connection.atomic_blocks)):
        return False
    try:
        with psycopg.connect(**parameters(DEFAULT_DB_ALIAS)) as apart:
            apart.execute("SELECT set_config('lock_timeout', %s, true)", [f"{LOCK_SECONDS}s"])
            apart.execute(statement, arguments)
    except psycopg.OperationalError:
        return False
    return True


def sees_commits() -> bool:
    """Whether the caller's transaction sees what others commit meanwhile: it is read committed."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('transaction_isolation')")
        return bool(cursor.fetchone()[0] == "read committed")
