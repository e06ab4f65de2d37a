"""Sessions of the database: what bounds them, by kind of process, and the direct one for LISTEN.

Read from Django's DATABASES. Beside what Django knows, a database may have BOUNDS: libpq's `options` by kind of
process; and PREPARE: whether the same session is there for the next transaction, which a pooler does not promise.
"""

from __future__ import annotations

import logging
from typing import Any, Literal

import psycopg
from django.core.exceptions import ImproperlyConfigured
from django.db import DEFAULT_DB_ALIAS, InterfaceError, OperationalError, connections

logger = logging.getLogger(__name__)

Kind = Literal["web", "processors", "commands", "tasks"]
DIRECT = "direct"
"""The alias of the database without a pooler in between, where there is one."""
PASSING = {
    "25006",  # read only: a standby that is to take over
    "25P03",  # idle_in_transaction_session_timeout
}
"""States (SQLSTATE) that pass, of errors that Django counts as the program's fault."""
REFUSALS = ("unsupported startup parameter", "support command-line options")
"""How PgBouncer and Amazon's RDS Proxy refuse settings of a session."""
LOOKS = 5
"""Times that two connections are compared before they count as two sessions."""

_SET_POOLER = (
    "There is a pooler, such as PgBouncer, at DATABASE_URL: set DATABASE_POOLER=yes, and LISTEN_DATABASE_URL to a URL "
    "that goes to PostgreSQL directly."
)
_SET_LISTEN = (
    "There is a pooler, such as PgBouncer, at {url}, and LISTEN needs a session of its own: set LISTEN_DATABASE_URL to "
    "a URL that goes to PostgreSQL directly."
)


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
    return _parameters(DIRECT if DIRECT in connections else DEFAULT_DB_ALIAS)


def keeps_session() -> bool:
    """Whether Django's connection is a session: what is prepared, or set, is there for the next transaction."""
    return bool(connections[DEFAULT_DB_ALIAS].settings_dict.get("PREPARE", True))


def check_sessions() -> None:
    """Raises ImproperlyConfigured, in one sentence, where the settings do not say of a pooler what must be said, or
    LISTEN has no session of its own; psycopg.OperationalError where the database cannot be reached."""
    if not keeps_session():
        _check_role()
    elif _is_pooled(_parameters(DEFAULT_DB_ALIAS)):
        raise ImproperlyConfigured(_SET_POOLER)
    if (DIRECT in connections or not keeps_session()) and _is_pooled(listening_parameters()):
        url = "LISTEN_DATABASE_URL" if DIRECT in connections else "DATABASE_URL"
        raise ImproperlyConfigured(_SET_LISTEN.format(url=url))


def is_passing(error: BaseException | None) -> bool:
    """Whether the same work may succeed later: the database could not be reached, or gave the work up at a bound
    (lock_timeout, statement_timeout, no room or no connection left, a deadlock), or for a restart."""
    cause = error if isinstance(error, psycopg.Error) else getattr(error, "__cause__", None)
    state = (cause.sqlstate if isinstance(cause, psycopg.Error) else None) or ""
    if state in PASSING:
        return True
    limits = state.startswith("54")  # of what the server can do at all
    return isinstance(error, OperationalError | InterfaceError) and not limits


def _parameters(alias: str) -> dict[str, Any]:
    parameters = connections[alias].get_connection_params()
    for only_django in ("cursor_factory", "context", "prepare_threshold", "pool"):
        parameters.pop(only_django, None)
    return parameters


def _is_pooled(parameters: dict[str, Any]) -> bool:
    """Whether a pooler is in between that refuses the settings of a session, or shares sessions."""
    try:
        return _is_shared(parameters | {"autocommit": True, "prepare_threshold": None})
    except psycopg.OperationalError as error:
        if any(refusal in str(error) for refusal in REFUSALS):
            return True
        raise


def _is_shared(options: dict[str, Any]) -> bool:
    """Whether two connections that are open at the same time get the same session, one after the other."""
    with psycopg.connect(**options) as ours:
        pid = _session(ours)
        if pid == ours.info.backend_pid:  # what the server said when we connected; a pooler says something else
            return False
        for _ in range(LOOKS):
            with psycopg.connect(**options) as other:
                if _session(other) == pid:
                    return True
            before, pid = pid, _session(ours)
            if pid != before:
                return True
    return False


def _session(connection: psycopg.Connection[Any]) -> int:
    row = connection.execute("SELECT pg_backend_pid()").fetchone()
    assert row is not None
    return int(row[0])


def _check_role() -> None:
    """Behind a pooler the settings of a session are those of the role, or of PgBouncer's connect_query."""
    with psycopg.connect(**_parameters(DEFAULT_DB_ALIAS), autocommit=True) as connection:
        row = connection.execute(
            "SELECT current_user, current_setting('default_transaction_isolation'), current_setting('lock_timeout')"
        ).fetchone()
    assert row is not None
    role, isolation, lock_timeout = row
    if isolation != "read committed":
        raise ImproperlyConfigured(
            f"Set the isolation of the queue's transactions: ALTER ROLE {role} SET default_transaction_isolation = "
            f"'read committed'; it is {isolation!r}."
        )
    if lock_timeout == "0":
        logger.warning("Nothing bounds waits for locks: ALTER ROLE %s SET lock_timeout = '5s'.", role)
