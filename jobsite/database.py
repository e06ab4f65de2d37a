"""The database: where it is, and how long a connection waits for the network, for a lock and for an answer."""

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
"""What libpq takes. A connection that hears nothing more is given up after 5 to 11 seconds, not after 15 minutes or
two hours. Sockets of one machine have none of it."""

_EVERYWHERE = {
    # The same for the server, which else keeps the locks of a host that was cut off.
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "10000",
    # By itself: psycopg names a level where a transaction is begun, and most of ours are single statements.
    "default_transaction_isolation": "read committed",
}
"""Settings of the server for all our connections."""

BOUNDS = {
    "web": {
        "lock_timeout": "3s",
        "statement_timeout": "30s",
        "idle_in_transaction_session_timeout": "30s",
    },
    "processors": {
        "lock_timeout": "5s",
        "statement_timeout": "60s",
        "idle_in_transaction_session_timeout": "10s",
    },
    "commands": {
        "lock_timeout": "10s",
        "idle_in_transaction_session_timeout": "60s",
    },
    "tasks": {},
}
"""Settings of the server by kind of process. A command may take long, and whoever runs it can end it; what a task does
with the database is for its author and its time limit to bound."""

POOL_WAIT = 3.0
"""Seconds that a request waits for a connection of the pool."""


def databases() -> dict[str, dict[str, Any]]:
    """Django's DATABASES: `default`, at DATABASE_URL, and `direct`, at LISTEN_DATABASE_URL where that is set.

    DATABASE_POOLER says that a pooler (PgBouncer) is in between, which may give each transaction another session: then
    nothing is prepared, no cursor is kept on the server, and no setting is sent, as poolers refuse those.
    Raises ImproperlyConfigured where a URL is missing or not PostgreSQL's.
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
    # For transactions, and so behind a pooler, too.
    options.setdefault("isolation_level", _READ_COMMITTED)
    if not pooler:
        given = str(options.get("options") or os.environ.get("PGOPTIONS", ""))
        config["BOUNDS"] = {kind: _server_settings(bounds, given) for kind, bounds in BOUNDS.items()}
        options["options"] = config["BOUNDS"]["commands"]
    return config


_READ_COMMITTED = 2  # psycopg.IsolationLevel, which is not imported for every start of a command


def _server_settings(bounds: dict[str, str], given: str) -> str:
    """libpq's `options`. Of a setting that comes twice the last counts: what the URL says."""
    ours = [f"-c {name}={value.replace(' ', chr(92) + ' ')}" for name, value in (_EVERYWHERE | bounds).items()]
    return " ".join([*ours, given]).strip()


def _kept(pooler: bool) -> dict[str, Any]:
    """How connections are used again. Checked before: else each that a restart of the database has cut would fail one
    request."""
    return {
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
        "DISABLE_SERVER_SIDE_CURSORS": pooler,
        "PREPARE": not pooler,
    }


def _pool(config: dict[str, Any]) -> None:
    """DATABASE_POOL (connections, set by the web server's entry point) turns on psycopg's pool: under ASGI each
    request has a thread of its own, so that connections kept per thread would be opened anew for every request."""
    size = env.integer("DATABASE_POOL", default=0, least=0, most=1000)
    if not size:
        return
    config["CONN_MAX_AGE"] = 0
    from jobsite.postgresql.base import NotingConnection, go_on_trying  # which commands do without

    config["OPTIONS"]["pool"] = {
        "connection_class": NotingConnection,
        "min_size": 1,
        "max_size": size,
        "timeout": POOL_WAIT,
        # Whoever comes while so many wait is refused at once.
        "max_waiting": 16 * size,
        # Attempts to connect come at lengthening intervals for so many seconds, and then begin anew.
        "reconnect_timeout": 2.0,
        "reconnect_failed": go_on_trying,
    }
