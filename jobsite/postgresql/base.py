"""The backend. Only processes with a pool, the web servers, behave otherwise than with Django's own."""

from __future__ import annotations

from typing import Any
from weakref import WeakSet

import psycopg
from django.db.backends.postgresql import base
from psycopg_pool import ConnectionPool


class NotingConnection(psycopg.Connection[Any]):
    """A connection of the pool; notes whether the last one could be made, and which there are."""

    refused = False
    _made: WeakSet[NotingConnection] = WeakSet()

    @classmethod
    def connect(cls, *arguments: Any, **options: Any) -> NotingConnection:
        """As psycopg's."""
        try:
            made = super().connect(*arguments, **options)
        except psycopg.Error:
            cls.refused = True
            raise
        cls.refused = False
        cls._made.add(made)
        return made

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
        """A connection of the pool, or without a pool a new one."""
        if self.pool is not None and NotingConnection.is_database_lost():
            raise psycopg.OperationalError("the database cannot be reached")
        return super().get_new_connection(conn_params)
