"""Sessions of the database: what bounds them, by kind of process, and the direct one for LISTEN.

Read from Django's DATABASES, where each database may have BOUNDS: libpq's `options` by kind of process.
"""

from __future__ import annotations

from typing import Any, Literal

import psycopg
from django.db import InterfaceError, OperationalError, connections

Kind = Literal["web", "processors", "commands", "tasks"]

DIRECT = "direct"
"""The alias of the database without a pooler in between, where there is one."""


def bound_as(kind: Kind) -> None:
    """Connections that this process opens from now on, and those of its children, have the bounds of this kind.

    Those that are open keep what they have. Without BOUNDS in DATABASES, as behind a pooler, nothing changes.
    """
    for alias in connections:
        settings = connections[alias].settings_dict  # one for all threads
        if bounds := settings.get("BOUNDS"):
            settings["OPTIONS"]["options"] = bounds[kind]


def listening_parameters() -> dict[str, Any]:
    """What psycopg takes to connect for LISTEN: to PostgreSQL itself, as a pooler gives no session of one's own."""
    alias = DIRECT if DIRECT in connections else "default"
    parameters = connections[alias].get_connection_params()
    for only_django in ("cursor_factory", "context", "prepare_threshold", "pool"):
        parameters.pop(only_django, None)
    return parameters


def is_passing(error: BaseException | None) -> bool:
    """Whether the same work may succeed later: the database could not be reached, or gave the work up at a bound
    (lock_timeout, statement_timeout, no room or no connection left, a deadlock), or for a restart."""
    cause = error if isinstance(error, psycopg.Error) else getattr(error, "__cause__", None)
    state = (cause.sqlstate if isinstance(cause, psycopg.Error) else None) or ""
    if state in _PASSING:
        return True
    limits = state.startswith("54")  # of what the server can do at all
    return isinstance(error, OperationalError | InterfaceError) and not limits


_PASSING = {
    "25006",  # read only: a standby that is to take over
    "25P03",  # idle_in_transaction_session_timeout
}
