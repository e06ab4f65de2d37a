"""Defaults of a site that is not configured: an embedded PostgreSQL and a secret key, both under var/."""

from __future__ import annotations

import atexit
import os
import secrets
import socket
import sys
from pathlib import Path

from jobsite import keeper
from jobsite.embedded import NotStarted, url

BASE = Path(__file__).resolve().parent.parent
DATABASE = "turnabout"
HOSTS = "localhost,127.0.0.1,[::1]"
_uses: dict[Path, tuple[socket.socket, str]] = {}
"""By folder: the connection to the keeper of the database there, and the folder of the server's socket."""


def var_folder() -> Path:
    """Return the folder for all files of the site: VAR_DIR, or var/ beside manage.py. Made if missing."""
    folder = Path(os.environ.get("VAR_DIR") or BASE / "var").resolve()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        sys.exit(f"{folder} cannot be made ({error.strerror}): set VAR_DIR to another folder.")
    return folder


def configured() -> list[str]:
    """Return the settings that are set and make this a configured site. `make run` then makes no demo accounts."""
    return [name for name in ("DATABASE_URL", "SECRET_KEY", "ALLOWED_HOSTS", "HTTPS") if os.environ.get(name)]


def fill_environment() -> None:
    """Set defaults for a site on this machine only, with an embedded database, if nothing is configured.

    On a configured site nothing is set: a missing setting stops the start instead.
    """
    if configured():
        return
    os.environ["DATABASE_URL"] = start_database(var_folder())
    fill_rest()


def fill_rest() -> None:
    """Set the other defaults of a site on this machine: a secret key, host names, no TLS. Keeps those that are set."""
    os.environ["SECRET_KEY"] = os.environ.get("SECRET_KEY") or secret_key(var_folder())
    os.environ["ALLOWED_HOSTS"] = os.environ.get("ALLOWED_HOSTS") or HOSTS
    os.environ["HTTPS"] = os.environ.get("HTTPS") or "no"


def start_database(folder: Path) -> str:
    """Return the URL of the embedded PostgreSQL whose data is in `folder`/postgres. Start it if it does not run.

    It stops when the last process that called this ends, even by kill -9. It listens on a Unix socket only. If it
    does not start, this process exits with one sentence.
    """
    folder = folder.resolve()
    try:
        if folder not in _uses or keeper.has_ended(_uses[folder][0]):
            _uses[folder] = keeper.join(folder)
            atexit.register(_leave_at_exit, os.getpid())
    except NotStarted as reason:
        sys.exit(str(reason))
    sockets = _uses[folder][1]
    _create_database(url("postgres", sockets))
    return url(DATABASE, sockets)


def uses() -> list[socket.socket]:
    """Return the connections to the keepers. A child that inherits them uses the databases too."""
    return [connection for connection, _ in _uses.values()]


def database_ended() -> bool:
    """Whether an embedded database that this process uses has ended by itself."""
    return any(keeper.has_ended(connection) for connection in uses())


def leave_databases() -> None:
    """Stop using all embedded databases. Wait until those that no other process uses have stopped."""
    while _uses:
        _, (connection, _sockets) = _uses.popitem()
        keeper.leave(connection)


def _leave_at_exit(pid: int) -> None:
    if os.getpid() == pid:  # not in a fork
        leave_databases()


def secret_key(folder: Path) -> str:
    """Return a random key, kept in `folder`/secret_key (readable by its owner only): sessions survive a restart."""
    file = folder / "secret_key"
    if not file.exists():
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as handle:
            handle.write(secrets.token_urlsafe(50))
    return file.read_text()


def _create_database(uri: str) -> None:
    import psycopg

    with psycopg.connect(uri, autocommit=True) as connection:
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
            connection.execute(f"CREATE DATABASE {DATABASE}")
