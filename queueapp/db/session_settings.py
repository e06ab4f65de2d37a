"""Settings of database sessions: of the network, of the server, and their bounds by kind of process."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

NETWORK = {
    "connect_timeout": 5,  # seconds
    "keepalives_idle": 5,  # seconds
    "keepalives_interval": 2,  # seconds
    "keepalives_count": 3,
    "tcp_user_timeout": 5000,  # milliseconds
}
"""Connection parameters of libpq. A connection to a silent host is given up after 5 to 11 seconds. The kernel's
defaults are 15 minutes and two hours. Unix sockets ignore all but `connect_timeout`."""

EVERYWHERE = {
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

READ_COMMITTED = 2
"""psycopg.IsolationLevel; importing that would slow every start of a command."""


def bounds_of(options: Mapping[str, Any]) -> dict[str, str]:
    """Return libpq's `options` for each kind of process.

    `options`: OPTIONS of a database. What these, or else PGOPTIONS, have already comes last and so takes precedence.
    """
    given = str(options.get("options") or os.environ.get("PGOPTIONS", ""))
    return {kind: _server_settings(bounds, given) for kind, bounds in BOUNDS.items()}


def one_session(database: Mapping[str, Any]) -> bool:
    """Whether a connection is one session of PostgreSQL, and not a transaction of a pooler such as PgBouncer.

    The settings say so: PREPARE, else DISABLE_SERVER_SIDE_CURSORS, which Django asks for behind such a pooler.
    """
    return bool(database.get("PREPARE", not database.get("DISABLE_SERVER_SIDE_CURSORS", False)))


def keep_open(database: dict[str, Any]) -> None:
    """Set what processors need of a database that the project has not configured for them.

    Connections stay open, are checked before reuse, and notice a silent host. They come from no pool: processes that
    fork cannot share one. A pooler takes no settings of a session.
    """
    options = database.setdefault("OPTIONS", {})
    options.pop("pool", None)
    for option, value in {**NETWORK, "isolation_level": READ_COMMITTED}.items():
        options.setdefault(option, value)
    database |= {"CONN_MAX_AGE": None, "CONN_HEALTH_CHECKS": True}
    if one_session(database):
        database.setdefault("BOUNDS", bounds_of(options))


def _server_settings(bounds: dict[str, str], given: str) -> str:
    ours = [f"-c {name}={value.replace(' ', chr(92) + ' ')}" for name, value in (EVERYWHERE | bounds).items()]
    return " ".join([*ours, given]).strip()
