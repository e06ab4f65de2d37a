"""The database connections of tasks. After every job each is as if just opened, or closed."""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from typing import Any, cast

import psycopg
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from .connection_slots import tasks

logger = logging.getLogger(__name__)

LEFT_OPEN = "It left a database transaction open; what it did there is rolled back."


def drop_inherited() -> None:
    """Close the connections that a fork has copied, without a message to the server: the parent still uses them."""
    for connection in connections.all(initialized_only=True):
        raw = cast(Any, connection.connection)
        if isinstance(raw, psycopg.Connection):
            with suppress(psycopg.Error, OSError):
                os.close(raw.fileno())
        _renew(connection.alias)


class TaskDatabases:
    """The connections that Django opens in this process's main thread. One that a job used is reset in a round trip.

    A job that uses no database costs nothing. The next job that asks for a connection gets the one that was reset,
    after a check in another round trip. To that job it is a new connection: Django calls the receivers of
    `connection_created`, and they set up the session again.
    """

    def __init__(self) -> None:
        self._clean: dict[str, psycopg.Connection[Any]] = {}
        self._attributes: dict[str, dict[str, Any]] = {}
        self._used = False
        for alias in connections:
            self._watch(connections[alias])

    def reset(self) -> str | None:
        """Reset or close the connections that the last job used. Return an error if it left a transaction open."""
        if not self._used:
            return None
        self._used, left = False, None
        for connection in connections.all(initialized_only=True):
            if _is_left_open(connection):
                left = LEFT_OPEN
            if connection.connection is not None:
                self._put_away(connection.alias, connection.connection)
            self._watch(_renew(connection.alias))
        tasks.give_back()
        return left

    def _watch(self, connection: BaseDatabaseWrapper) -> None:
        opened = connection.get_new_connection

        def get_new_connection(parameters: Any) -> Any:
            self._used = True
            clean = self._clean.pop(connection.alias, None)
            if clean is not None and _answers(clean):
                return clean
            if connection.alias == DEFAULT_DB_ALIAS:
                tasks.take()
            raw = opened(parameters)
            self._attributes[connection.alias] = {name: getattr(raw, name, None) for name in _ATTRIBUTES}
            return raw

        connection.get_new_connection = get_new_connection  # type: ignore[assignment, method-assign]

    def _put_away(self, alias: str, raw: Any) -> None:
        """Keep a connection that can be reset, unless other tasks may need its slot; close any other."""
        try:
            if isinstance(raw, psycopg.Connection) and raw.info.transaction_status == _IDLE and not tasks.scarce:
                raw.autocommit = True
                with psycopg.Cursor(raw) as cursor:
                    cursor.execute("DISCARD ALL", prepare=False)
                for name, value in self._attributes[alias].items():
                    setattr(raw, name, value)
                self._clean[alias] = raw
                return
        except Exception:
            logger.info("The connection of a task could not be reset, and is closed.", exc_info=True)
        with suppress(Exception):
            raw.close()


def _answers(raw: psycopg.Connection[Any]) -> bool:
    """Whether a connection that was put away still works; else it is closed.

    A task may have written to its socket, or closed it.
    """
    try:
        with psycopg.Cursor(raw) as cursor:
            cursor.execute("SELECT 1", prepare=False)
    except (psycopg.Error, OSError):
        with suppress(Exception):
            raw.close()
        return False
    return True


_ATTRIBUTES = ("row_factory", "cursor_factory", "prepare_threshold", "isolation_level", "read_only", "deferrable")
"""Attributes of psycopg's connection that a task may have changed."""
_IDLE = psycopg.pq.TransactionStatus.IDLE


def _is_left_open(connection: BaseDatabaseWrapper) -> bool:
    raw = cast(Any, connection.connection)
    if raw is None:
        return connection.in_atomic_block
    in_transaction = isinstance(raw, psycopg.Connection) and not raw.closed and raw.info.transaction_status != _IDLE
    return bool(in_transaction or connection.in_atomic_block or not connection.autocommit)


def _renew(alias: str) -> BaseDatabaseWrapper:
    """Replace Django's wrapper of a connection, with whatever a task changed in it. Return the new one."""
    fresh = connections.create_connection(alias)
    connections[alias] = fresh
    return fresh
