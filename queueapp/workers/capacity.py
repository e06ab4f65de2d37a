"""Checks before a cluster starts: the database is reachable, has the right schema, and has enough connections."""

from __future__ import annotations

import logging
import time

import psycopg
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from ..conf import queue_settings
from ..db import routines
from ..db.sessions import check_sessions, keeps_session
from .connection_slots import OWN, slots_of
from .health import Health

logger = logging.getLogger(__name__)

APP = "queueapp"
FIRST_DELAY, MAX_DELAY = 0.5, 10.0
"""Seconds between the first two attempts to reach the database, doubled each time; their maximum."""

# The smallest connection limit of server, database and role; and the server's connections in use, without ours.
_ROOM = """
    SELECT least(
               current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
                   - coalesce(current_setting('reserved_connections', true)::int, 0),
               (SELECT nullif(datconnlimit, -1) FROM pg_database WHERE datname = current_database()),
               (SELECT nullif(rolconnlimit, -1) FROM pg_roles WHERE rolname = current_user)),
           (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid())
"""


def connections_of(processors: int) -> int:
    """Return the maximum of connections of a cluster. Workers, and task processes whose task uses the database, have
    one each, or share CLUSTER_CONNECTIONS."""
    return OWN + sum(slots_of(processors, queue_settings().CLUSTER_CONNECTIONS))


def await_readiness(processors: int, health: Health) -> None:
    """Wait for the database, then check that a cluster of so many processors can start. The wait is logged once.

    Gives signs of life meanwhile: with the database away, another start would help nobody.

    Raises ImproperlyConfigured, in one sentence, for a pooler that the settings do not mention, a wrong isolation
    level behind a pooler, a schema that does not fit, or too few connections.
    """
    _await_database(health)
    check_schema()
    check_room(processors)
    connection.close()


def check_schema() -> None:
    """Check the schema. Raises ImproperlyConfigured if the database lacks migrations or this version's functions.

    A database of the next version still has these functions, and its tables fit. Then processors of both versions work.
    """
    executor = MigrationExecutor(connection)
    if missing := executor.migration_plan(executor.loader.graph.leaf_nodes()):
        names = ", ".join(f"{migration.app_label}.{migration.name}" for migration, _ in missing[:3])
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        raise ImproperlyConfigured(f"The database lacks migrations ({names}{more}): run manage.py migrate first.")
    if routines.are_installed():
        return
    known = max(name for app, name in executor.loader.disk_migrations if app == APP)
    if later := sorted(name for app, name in executor.loader.applied_migrations if app == APP and name > known):
        raise ImproperlyConfigured(
            f"The database is of a later version (migration {later[-1]}) than this code (up to {known}), and no "
            "longer has its SQL functions: start processors of that version."
        )
    raise ImproperlyConfigured("The database lacks the SQL functions of this version: run manage.py migrate first.")


def check_room(processors: int) -> None:
    """Check the connection limits. Raises ImproperlyConfigured if so many processors can never fit.

    Logs a warning if they do not fit beside the present connections, which may end. Checks nothing behind a pooler: its
    connections are not the server's.
    """
    if not keeps_session():
        return
    with connection.cursor() as cursor:
        cursor.execute(_ROOM)
        room, used = cursor.fetchone()
    needed = connections_of(processors)
    if needed > room:
        fewer = f"set CLUSTER_CONNECTIONS to at most {room}, or " if room >= OWN + 2 else ""
        raise ImproperlyConfigured(
            f"{processors} processors may open {needed} connections and the database server takes {room}: {fewer}raise "
            "PostgreSQL's max_connections."
        )
    if needed > room - used:
        logger.warning(
            "%d processors may open %d connections; the database server takes %d, of which %d are in use.",
            processors, needed, room, used,
        )  # fmt: skip


def _await_database(health: Health) -> None:
    delay = FIRST_DELAY
    while True:
        health.touch()
        try:
            check_sessions()
        except psycopg.OperationalError as error:
            if delay == FIRST_DELAY:
                reason = str(error).strip().partition("\n")[0]
                logger.warning("The database cannot be reached; trying again until it can: %s", reason)
            time.sleep(delay)
            delay = min(2 * delay, MAX_DELAY)
        else:
            return
