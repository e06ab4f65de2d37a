"""What a machine without a configured site runs on: an embedded PostgreSQL and a secret key, both under var/."""

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
"""For each folder, the connection by which this process uses the database there, and where its socket is."""


def var_folder() -> Path:
    """The folder for everything the site writes here: VAR_DIR, or var/ beside manage.py. Made when missing."""
    folder = Path(os.environ.get("VAR_DIR") or BASE / "var").resolve()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        sys.exit(f"{folder} cannot be made ({error.strerror}): set VAR_DIR to another folder.")
    return folder


def configured() -> list[str]:
    """The names of settings by which this is a real site: then nothing is made up, and no demo accounts exist."""
    return [name for name in ("DATABASE_URL", "SECRET_KEY", "ALLOWED_HOSTS", "HTTPS") if os.environ.get(name)]


def fill_environment() -> None:
    """Make this a site for this machine only, with an embedded database, where nothing is configured.

    On a configured site nothing is changed: what is forgotten stops the start, rather than being made up.
    """
    if configured():
        return
    os.environ["DATABASE_URL"] = start_database(var_folder())
    fill_rest()


def fill_rest() -> None:
    """Set what else a site on this machine needs, where it is not set: names, a secret key, no TLS."""
    os.environ["SECRET_KEY"] = os.environ.get("SECRET_KEY") or secret_key(var_folder())
    os.environ["ALLOWED_HOSTS"] = os.environ.get("ALLOWED_HOSTS") or HOSTS
    os.environ["HTTPS"] = os.environ.get("HTTPS") or "no"


def start_database(folder: Path) -> str:
    """The URL of the embedded PostgreSQL whose data is in `folder`/postgres, started if it was not running.

    It stops when the last process that called this ends, however it ends. Listens on a Unix socket only. Where it
    does not start, this process ends with one sentence.
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
    """The connections by which this process uses embedded databases: a child that has them uses those, too."""
    return [connection for connection, _ in _uses.values()]


def database_ended() -> bool:
    """Whether an embedded database that this process uses has ended by itself."""
    return any(keeper.has_ended(connection) for connection in uses())


def leave_databases() -> None:
    """Use no embedded database any more; returns when those that nobody else uses have stopped."""
    while _uses:
        _, (connection, _sockets) = _uses.popitem()
        keeper.leave(connection)


def _leave_at_exit(pid: int) -> None:
    if os.getpid() == pid:  # not in a fork
        leave_databases()


def secret_key(folder: Path) -> str:
    """A random key, kept in `folder`/secret_key (readable by its owner only) so that sessions survive a restart."""
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
