"""Django's DATABASES: addresses, and timeouts for the network, for locks and for statements."""

from __future__ import annotations

import os
from typing import Any

from jobsite import env

NETWORK = {
    "connect_timeout": 5,  # seconds
    "keepalives_idle": 5,  # seconds
    "keepalives_interval": 2,  # seconds
    "keepalives_count": 3,
    "tcp_user_timeout": 5000,  # milliseconds
}
"""Connection parameters of libpq. A connection to a silent host is given up after 5 to 11 seconds. The kernel's
defaults are 15 minutes and two hours. Unix sockets ignore all but `connect_timeout`."""

_EVERYWHERE = {
    # The same for the server: otherwise a session whose client was cut off keeps its locks.
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "10000",
    # For autocommit statements, which are most of ours: psycopg names a level only where it begins a transaction.
    "default_transaction_isolation": "read committed",
}
"""Server settings of all our connections."""

BOUNDS = {
    "web": {
        "application_name": "turnabout-web",
        "lock_timeout": "3s",
        "statement_timeout": "30s",
        "idle_in_transaction_session_timeout": "30s",
    },
    "processors": {
        "application_name": "turnabout-processors",
        "lock_timeout": "5s",
        "statement_timeout": "60s",
        "idle_in_transaction_session_timeout": "10s",
    },
    "commands": {
        "application_name": "turnabout-commands",
        "lock_timeout": "10s",
        "idle_in_transaction_session_timeout": "60s",
    },
    "tasks": {"application_name": "turnabout-tasks"},
}
"""Server settings by kind of process. A command has no statement timeout: it may take long, and its operator can end
it. A task has no timeout here: its author and its time limit bound its statements. pg_stat_activity shows the name."""

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
    options.setdefault("isolation_level", _READ_COMMITTED)
    if not pooler:
        given = str(options.get("options") or os.environ.get("PGOPTIONS", ""))
        config["BOUNDS"] = {kind: _server_settings(bounds, given) for kind, bounds in BOUNDS.items()}
        options["options"] = config["BOUNDS"]["commands"]
    return config


_READ_COMMITTED = 2  # psycopg.IsolationLevel; importing that would slow every start of a command


def _server_settings(bounds: dict[str, str], given: str) -> str:
    """Return libpq's `options`. `given`, from the URL or PGOPTIONS, comes last and so takes precedence."""
    ours = [f"-c {name}={value.replace(' ', chr(92) + ' ')}" for name, value in (_EVERYWHERE | bounds).items()]
    return " ".join([*ours, given]).strip()


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
