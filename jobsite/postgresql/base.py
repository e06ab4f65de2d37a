"""The backend. Only processes with a pool, the web servers, behave otherwise than with Django's own."""

from __future__ import annotations

import time
from typing import Any
from weakref import WeakSet

import psycopg
from django.db.backends.postgresql import base
from psycopg.pq import TransactionStatus
from psycopg_pool import ConnectionPool

ANSWER_GRACE_SECONDS = 5.0
"""Seconds after statement_timeout at which an answer counts as lost: the server itself would have said so by then."""

_STATEMENT_TIMEOUT = "SELECT setting::int / 1000.0 FROM pg_settings WHERE name = 'statement_timeout'"


class NotingConnection(psycopg.Connection[Any]):
    """A connection of the pool; notes whether the last one could be made, and which there are.

    It is closed where the server does not answer for longer than a statement may take, although its host is there: its
    disk has stalled, or its processes stand still.
    """

    refused = False
    replaced_at = 0.0
    made_at = 0.0
    _made: WeakSet[NotingConnection] = WeakSet()
    _longest: float | None = None

    @classmethod
    def connect(cls, *arguments: Any, **options: Any) -> NotingConnection:
        """As psycopg's."""
        try:
            began = time.monotonic()
            made = super().connect(*arguments, **options)
            made.made_at = began
            made._bound()
        except psycopg.Error:
            cls.refused = True
            raise
        cls.refused = False
        cls._made.add(made)
        return made

    def _bound(self) -> None:
        self._longest = ANSWER_GRACE_SECONDS
        row = self.execute(_STATEMENT_TIMEOUT).fetchone()
        longest = float(row[0]) if row else 0.0
        self._longest = longest + ANSWER_GRACE_SECONDS if longest else None

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """As psycopg's, with a deadline where the caller has none. Raises OperationalError at it."""
        try:
            return super().wait(gen, interval, self._longest if timeout is None else timeout)
        except psycopg.OperationalError:
            if timeout is None and self.pgconn.transaction_status == TransactionStatus.ACTIVE:
                self.pgconn.finish()
            raise

    @classmethod
    def is_database_lost(cls) -> bool:
        """Whether no connection is there, and the last attempt to make one has failed."""
        return cls.refused and all(made.closed for made in cls._made.copy())


def go_on_trying(pool: ConnectionPool[Any]) -> None:
    """The pool's `reconnect_failed`: begin anew, rather than wait for a request that is to wait for it."""
    pool.check()


class DatabaseWrapper(base.DatabaseWrapper):
    """Raises OperationalError at once while the server cannot be reached: else each request would wait, and hold a
    thread, for as long as the pool lets it."""

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """A connection of the pool that works, or without a pool a new one.

        If one is found cut, the server was restarted, most likely: the pool replaces all that it has. Its own check
        would wait for seconds between two cut connections, longer than a request may.
        """
        if self.pool is None:
            return super().get_new_connection(conn_params)
        if NotingConnection.is_database_lost():
            raise psycopg.OperationalError("the database cannot be reached")
        taken = super().get_new_connection(conn_params)
        try:
            self.pool.check_connection(taken)
        except psycopg.OperationalError:
            if taken.made_at >= NotingConnection.replaced_at:
                NotingConnection.replaced_at = time.monotonic()
                self.pool.drain()
            self.pool.putconn(taken)
            return super().get_new_connection(conn_params)
        return taken
