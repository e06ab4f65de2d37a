"""Sessions of the database: their bounds by kind of process, poolers, and the direct session for LISTEN.

Django's DATABASES may have two keys of ours. BOUNDS: libpq's `options` for each kind of process; processors have some
without it. PREPARE: whether the next transaction has the same session, which a pooler does not promise.
"""

from __future__ import annotations

import logging
from typing import Any, Literal

import psycopg
from django.core.exceptions import ImproperlyConfigured
from django.db import DEFAULT_DB_ALIAS, InterfaceError, OperationalError, connections

from . import routines
from .session_settings import keep_open, one_session

logger = logging.getLogger(__name__)

Kind = Literal["web", "processors", "commands", "tasks"]
DIRECT = "direct"
"""The alias of the database that leads past a pooler, if it is configured."""
PASSING = {
    "25006",  # read only: a standby that is to take over
    "25P03",  # idle_in_transaction_session_timeout
}
"""SQLSTATEs of passing errors for which Django raises InternalError."""
REFUSALS = ("unsupported startup parameter", "support command-line options")
"""Texts by which PgBouncer and Amazon's RDS Proxy refuse settings of a session."""
LOOKS = 5
"""Comparisons after which two connections count as two sessions."""

_SET_POOLER = (
    "There is a pooler, such as PgBouncer, at DATABASE_URL: set DATABASE_POOLER=yes, and LISTEN_DATABASE_URL to a URL "
    "that goes to PostgreSQL directly. (In settings of your own: DISABLE_SERVER_SIDE_CURSORS, and a database 'direct'.)"
)
_SET_LISTEN = (
    "There is a pooler, such as PgBouncer, at {url}, and LISTEN needs a session of its own: set LISTEN_DATABASE_URL to "
    "a URL that goes to PostgreSQL directly. (In settings of your own: a database 'direct'.)"
)


def bound_as(kind: Kind) -> None:
    """Give new connections of this process and its children the bounds of this kind.

    Open connections keep theirs. Processors also keep their connections open, see keep_open(). Otherwise, without
    BOUNDS in DATABASES, as behind a pooler, nothing changes.
    """
    if kind == "processors":
        for alias in {DEFAULT_DB_ALIAS, DIRECT} & set(connections):
            keep_open(connections[alias].settings_dict)
    for alias in connections:
        settings = connections[alias].settings_dict  # one for all threads
        if bounds := settings.get("BOUNDS"):
            settings["OPTIONS"]["options"] = bounds[kind]


def listening_parameters() -> dict[str, Any]:
    """Return psycopg's parameters for LISTEN, which needs a session of its own. DIRECT's if it is configured."""
    return parameters(DIRECT if DIRECT in connections else DEFAULT_DB_ALIAS)


def keeps_session() -> bool:
    """Whether Django's connection is one session: the next transaction still has what was prepared or set."""
    return one_session(connections[DEFAULT_DB_ALIAS].settings_dict)


def check_sessions() -> None:
    """Check that the settings match the sessions that the database, or a pooler, gives.

    Raises ImproperlyConfigured, in one sentence, if a pooler is not declared, if LISTEN has no session of its own, or
    if the isolation behind a pooler is not read committed. Raises psycopg.OperationalError if the database cannot be
    reached.
    """
    if not keeps_session():
        _check_role()
    elif _is_pooled(parameters(DEFAULT_DB_ALIAS)):
        raise ImproperlyConfigured(_SET_POOLER)
    if (DIRECT in connections or not keeps_session()) and _is_pooled(listening_parameters()):
        url = "LISTEN_DATABASE_URL" if DIRECT in connections else "DATABASE_URL"
        raise ImproperlyConfigured(_SET_LISTEN.format(url=url))


def is_passing(error: BaseException | None) -> bool:
    """Whether the same work may succeed later.

    That is so if the database could not be reached, restarts, or gave the work up at a bound: lock_timeout,
    statement_timeout, a deadlock, no room or no connection left. It is so, too, if the database has been upgraded past
    this version: a later one will do the work.
    """
    if routines.are_gone(error):
        return True
    cause = error if isinstance(error, psycopg.Error) else getattr(error, "__cause__", None)
    state = (cause.sqlstate if isinstance(cause, psycopg.Error) else None) or ""
    if state in PASSING:
        return True
    limits = state.startswith("54")  # class 54, fixed limits of the server
    return isinstance(error, OperationalError | InterfaceError) and not limits


def reason(error: BaseException) -> str:
    """Return why a statement failed, in one line."""
    return routines.GONE if routines.are_gone(error) else str(error).strip().partition("\n")[0]


def parameters(alias: str) -> dict[str, Any]:
    """Return psycopg's parameters for a connection of one's own to this database, which no pool has."""
    found = connections[alias].get_connection_params()
    for only_django in ("cursor_factory", "context", "prepare_threshold", "pool"):
        found.pop(only_django, None)
    return found


def _is_pooled(parameters: dict[str, Any]) -> bool:
    """Whether the connection goes to a pooler, which refuses settings of a session or shares sessions."""
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
        if pid == ours.info.backend_pid:  # the server sent this pid at the connect; a pooler sends another
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
    """Check the role's settings of a session: behind a pooler, only the role or PgBouncer's connect_query can set them.

    Raises ImproperlyConfigured if the isolation is not read committed. Logs a warning if there is no lock_timeout.
    """
    with psycopg.connect(**parameters(DEFAULT_DB_ALIAS), autocommit=True) as connection:
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
