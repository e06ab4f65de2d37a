"""Django's DATABASES: addresses, and timeouts for the network, for locks and for statements."""

from __future__ import annotations

from typing import Any

from jobsite import env
from queueapp.db.session_settings import NETWORK, READ_COMMITTED, bounds_of

POOL_WAIT = 3.0
"""Seconds that a request waits for a connection of the connection pool."""


def databases() -> dict[str, dict[str, Any]]:
    """Return Django's DATABASES: `default` at DATABASE_URL, and `direct` at LISTEN_DATABASE_URL if that is set.

    DATABASE_POOLER declares a pooler such as PgBouncer, which may give each transaction another session. Then
    statements are not prepared, cursors are not kept on the server, and no settings are sent: poolers refuse them.
    Raises ImproperlyConfigured if a URL is missing or is not a PostgreSQL URL.
    """
    pooler = env.flag("DATABASE_POOLER", default=False)
    url = env.required("DATABASE_URL", "postgresql://user:password@host/name of the PostgreSQL database")
    found = {"default": _database("DATABASE_URL", url, pooler) | _kept(pooler)}
    _pool(found["default"])
    if direct := env.text("LISTEN_DATABASE_URL", default=""):
        found["direct"] = _database("LISTEN_DATABASE_URL", direct, pooler=False) | {"TEST": {"MIRROR": "default"}}
    return found


def _database(name: str, url: str, pooler: bool) -> dict[str, Any]:
    config = env.database_url(name, url) | {"ENGINE": "jobsite.postgresql"}
    options = config.setdefault("OPTIONS", {})
    for option, value in NETWORK.items():
        options.setdefault(option, value)
    # psycopg sends it with each BEGIN, so it works behind a pooler too.
    options.setdefault("isolation_level", READ_COMMITTED)
    if not pooler:
        config["BOUNDS"] = bounds_of(options)
        options["options"] = config["BOUNDS"]["commands"]
    return config


def _kept(pooler: bool) -> dict[str, Any]:
    """Return settings that keep connections open between requests.

    A connection is checked before reuse. Otherwise each one that a database restart has cut would fail a request.
    """
    return {
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
        "DISABLE_SERVER_SIDE_CURSORS": pooler,
        "PREPARE": not pooler,
    }


def _pool(config: dict[str, Any]) -> None:
    """Turn on psycopg's connection pool if DATABASE_POOL, its maximum size, is set, as jobsite.asgi does.

    Under ASGI each request has its own thread, so a connection kept per thread would be opened for every request.
    """
    size = env.integer("DATABASE_POOL", default=0, least=0, most=1000)
    if not size:
        return
    config |= {"CONN_MAX_AGE": 0, "CONN_HEALTH_CHECKS": False}  # jobsite.postgresql checks connections of the pool
    from jobsite.postgresql.base import NotingConnection, go_on_trying  # commands do not need it

    config["OPTIONS"]["pool"] = {
        "connection_class": NotingConnection,
        "min_size": 1,
        "max_size": size,
        "timeout": POOL_WAIT,
        # With so many requests waiting, a further one is refused at once.
        "max_waiting": 16 * size,
        # Seconds of attempts to connect at growing intervals; then reconnect_failed starts over.
        "reconnect_timeout": 2.0,
        "reconnect_failed": go_on_trying,
    }
