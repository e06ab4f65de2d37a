"""The backend. Only processes with a pool, the web servers, behave otherwise than with Django's own."""

from __future__ import annotations

import time
from typing import Any

import psycopg
from django.db.backends.postgresql import base

REFUSE_FOR = 2.0
"""Seconds after a failed attempt to connect in which a request that finds no connection is refused at once."""


class _Reach:
    """Whether the server could be reached last. Shared by the threads of a process."""

    failed_at = float("-inf")

    def failed(self) -> None:
        self.failed_at = time.monotonic()

    def succeeded(self) -> None:
        self.failed_at = float("-inf")

    def is_lost(self) -> bool:
        return time.monotonic() - self.failed_at < REFUSE_FOR


reach = _Reach()


class NotingConnection(psycopg.Connection[Any]):
    """A connection of the pool; notes whether it could be made."""

    @classmethod
    def connect(cls, *arguments: Any, **options: Any) -> NotingConnection:
        """As psycopg's."""
        try:
            made = super().connect(*arguments, **options)
        except psycopg.Error:
            reach.failed()
            raise
        reach.succeeded()
        return made


class DatabaseWrapper(base.DatabaseWrapper):
    """Raises OperationalError at once, where no connection is there and the last attempt to make one has failed.

    Else each request would wait for the pool's time while the server is away, and hold a thread. The pool goes on
    trying for a while; the first request afterwards makes it begin anew.
    """

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """A connection of the pool, or without a pool a new one."""
        if self.pool is None:
            return super().get_new_connection(conn_params)
        if reach.is_lost() and not self.pool.get_stats().get("pool_available"):
            raise psycopg.OperationalError("the database cannot be reached")
        connection = super().get_new_connection(conn_params)
        reach.succeeded()
        return connection
