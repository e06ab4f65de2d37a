"""Keeper of the embedded database: it runs the server while any process uses it, and then stops it.

    python -m jobsite.keeper FOLDER DESCRIPTOR

Each process that uses the database holds a connection to `FOLDER`/database.sock. The kernel closes it when the process
ends, even by kill -9. DESCRIPTOR is the connection of the process that started the keeper. The keeper sends one line of
JSON: the folder of the server's socket, or why the server did not start. A process that is about to end sends a byte.
The keeper then closes its connection: that of the last process once the server has stopped.
"""

from __future__ import annotations

import fcntl
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import IO

from jobsite.embedded import NotStarted, Postgres

BASE = Path(__file__).resolve().parent.parent
SOCKET = "database.sock"
POLL_SECONDS = 1.0
"""Seconds between two checks that the server still runs."""


def join(folder: Path) -> tuple[socket.socket, str]:
    """Return a connection to the keeper of the database in `folder`, and the folder of the server's socket.

    Starts the keeper if none runs. Locks `folder`/database.starting meanwhile. Raises NotStarted.
    """
    try:
        starting = _private(folder / "database.starting")
    except OSError as error:
        raise NotStarted(
            f"{folder} cannot be used ({error.strerror}): start as the account that it belongs to, or set VAR_DIR."
        ) from None
    with starting:
        fcntl.flock(starting, fcntl.LOCK_EX)
        with suppress(OSError, EOFError):
            return _greeted(_connect(folder))
        mine, its = socket.socketpair()
        with its:
            command = [sys.executable, "-m", "jobsite.keeper", str(folder), str(its.fileno())]
            subprocess.run(command, cwd=BASE, pass_fds=[its.fileno()], check=True)  # noqa: S603 (our own command)
        try:
            return _greeted(mine)
        except EOFError:
            raise NotStarted("The keeper of the embedded database ended at once.") from None


def leave(connection: socket.socket) -> None:
    """Stop using the database. If no other process uses it, wait until the server has stopped."""
    with suppress(OSError), connection:
        connection.sendall(b".")
        while connection.recv(64):
            pass


def has_ended(connection: socket.socket) -> bool:
    """Whether the database has ended while this process still uses it."""
    try:
        return connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def main(folder: Path, first: socket.socket) -> None:
    """Start the server, keep it while it is used, and stop it, in a forked process that nobody waits for.

    That process holds the lock of `folder`/database.lock until it ends.
    """
    if os.fork():
        os._exit(0)
    os.setsid()
    os.chdir(folder)  # so the socket can be bound by its name alone; its path may be too long
    os.umask(0o077)
    _detach(folder)
    with _private(folder / "database.lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # an earlier keeper may still be stopping
        try:
            server = Postgres(folder)
            server.prepare()
            server.start(end_with_parent=True)
        except (NotStarted, OSError) as reason:
            _tell(first, error=str(reason))
            return
        users = {first}  # the last connection closes when this process ends
        try:
            _keep(server, users)
        finally:
            Path(SOCKET).unlink(missing_ok=True)
            if not server.stop():
                server.stop(signal.SIGQUIT)
            server.remove_sockets()


def _keep(server: Postgres, users: set[socket.socket]) -> None:
    """Serve connections until the last user leaves or the server ends by itself."""
    assert server.process is not None
    Path(SOCKET).unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as listener, selectors.DefaultSelector() as selector:
        listener.bind(SOCKET)
        listener.listen(64)
        selector.register(listener, selectors.EVENT_READ)
        for first in users:
            selector.register(first, selectors.EVENT_READ)
            _tell(first, sockets=server.sockets)
        while server.process.poll() is None:
            for key, _ in selector.select(POLL_SECONDS):
                if key.fileobj is listener:
                    user, _ = listener.accept()
                    users.add(user)
                    selector.register(user, selectors.EVENT_READ)
                    _tell(user, sockets=server.sockets)
                    continue
                user = next(each for each in users if each is key.fileobj)
                if len(users) == 1:
                    return
                selector.unregister(user)
                users.remove(user)
                user.close()


def _tell(user: socket.socket, **what: str) -> None:
    with suppress(OSError):
        user.sendall(json.dumps(what).encode() + b"\n")


def _connect(folder: Path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        connection.connect(f"/proc/self/fd/{descriptor}/{SOCKET}")  # its path may be too long
    except OSError:
        connection.close()
        raise
    finally:
        os.close(descriptor)
    return connection


def _greeted(connection: socket.socket) -> tuple[socket.socket, str]:
    line = b""
    while not line.endswith(b"\n"):
        if not (more := connection.recv(4096)):
            connection.close()
            raise EOFError
        line += more
    said = json.loads(line)
    if "error" in said:
        connection.close()
        raise NotStarted(said["error"])
    return connection, said["sockets"]


def _private(path: Path) -> IO[bytes]:
    """Open a file to lock, which only its owner can open."""
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b")


def _detach(folder: Path) -> None:
    """Close the starter's terminal and pipes: input is /dev/null, output goes to the server's log."""
    nothing = os.open(os.devnull, os.O_RDWR)
    log = os.open(folder / "postgres.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for descriptor, target in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(descriptor, target)


if __name__ == "__main__":
    main(Path(sys.argv[1]), socket.socket(fileno=int(sys.argv[2])))
