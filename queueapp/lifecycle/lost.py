"""Whether an error of the database means that it is away, or that it refused what it was given."""

from __future__ import annotations

import psycopg
from django.db import InterfaceError, OperationalError

_AWAY = ("08", "57P", "53300", "25P03")
"""How SQLSTATEs begin of connections that were lost or could not be had. Source: PostgreSQL's appendix A."""


def is_lost(error: BaseException) -> bool:
    """Whether the connection was lost, so that the same may be tried again on another."""
    if isinstance(error, InterfaceError):
        return True
    cause = error.__cause__ if isinstance(error, OperationalError) else error
    if not isinstance(cause, psycopg.OperationalError):
        return False
    return cause.sqlstate is None or cause.sqlstate.startswith(_AWAY)
