"""The thing under test: a PostgreSQL server of its own, a web server and clusters, each started again when it ended."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import psutil
import psycopg

from bench.harness import free_port
from jobsite import local
from jobsite.embedded import Postgres, url
from jobsite.up import web_server

MODES = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}
PROMPTLY = 0.3
"""Seconds between two looks at what has ended: the site is supervised, as a real one would be."""
STOP_DEADLINE = 20.0
RECOVERY_DEADLINE = 30.0
RECOVERED_BY = 5.0
"""Seconds after which a server that had a full disk is helped: what is to be recovered here takes a fraction of one."""
FULL_FOR = 2.0
"""Seconds that the disk is full."""
ROOM = 65_536
"""Bytes that files may grow beyond the server's log while the disk is full."""


class Database:
    """An embedded PostgreSQL server in a folder of its own, which can be stopped in every way."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._server = Postgres(folder)
        self._server.prepare()
        self._server.start()
        self.url = url("postgres", self._server.sockets)

    def query(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """The rows that a statement gives."""
        with self._connect() as connection:
            cursor = connection.execute(statement, parameters or None)
            return cursor.fetchall() if cursor.description else []

    def _connect(self, seconds: float = RECOVERY_DEADLINE) -> psycopg.Connection[Any]:
        """A connection, as soon as the server has recovered from what was done to it; within so many seconds."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                return psycopg.connect(self.url, autocommit=True, connect_timeout=5)
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(PROMPTLY)

    def restart(self, mode: str) -> None:
        """Stop the server as pg_ctl's `mode` has it, and start it; smart, which waits for all to leave, has 3 s."""
        if not self._server.stop(MODES[mode], 3.0):
            self._server.stop(signal.SIGINT)
        self._server.start()

    def fill_disk(self) -> None:
        """No file of the server can grow, by its limit of file sizes (RLIMIT_FSIZE); then it can, and the server is
        started anew where it gave up, as by an operator who made room."""
        least = self._server.log.stat().st_size + ROOM
        assert self._server.process is not None
        postmaster = psutil.Process(self._server.process.pid)
        self._limit(postmaster, str(least))
        time.sleep(FULL_FOR)
        self._limit(postmaster, "unlimited")
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._server.process.wait(1)  # it may be giving up
            self._server.start()
        try:
            self._connect(RECOVERED_BY).close()
        except psycopg.OperationalError:  # it began to recover while no file could grow, and hangs in that
            self.restart("immediate")

    def log_has(self, text: str) -> int:
        """How often the server's log has this text."""
        return self._server.log.read_text(errors="replace").count(text)

    def drop_all(self) -> None:
        """An empty database, where an earlier run left something."""
        self.query("DROP SCHEMA public CASCADE")
        self.query("CREATE SCHEMA public")

    def stop(self) -> None:
        """Stop the server."""
        self._server.stop()
        self._server.remove_sockets()

    def _limit(self, postmaster: psutil.Process, size: str) -> None:
        """Soft limits, which the server's own user may lower and raise again; a new backend has the postmaster's."""
        with contextlib.suppress(psutil.NoSuchProcess):
            for process in [postmaster, *postmaster.children()]:
                command = ["prlimit", "--pid", str(process.pid), f"--fsize={size}:"]
                subprocess.run(command, user=self._server.uid, stderr=subprocess.DEVNULL, check=False)


class Stand:
    """Web server and clusters on a Database, each started again promptly when it has ended: `ended` counts that."""

    def __init__(self, folder: Path, clusters: int, processors: int, database: Database | None = None) -> None:
        self.database = database or Database(folder)
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.said = (folder / "said.log").open("w")
        self.ended = 0
        self._environment = os.environ | {
            "DATABASE_URL": self.database.url,
            "DJANGO_SETTINGS_MODULE": "bench.chaos.settings",
            "SECRET_KEY": local.secret_key(folder),
            "ALLOWED_HOSTS": local.HOSTS,
            "HTTPS": "no",
            "PROCESSORS": str(processors),
            "ACCESS_TOKEN_MINUTES": "60",
        }
        self._commands = {"web": web_server(port)} | {
            f"cluster {n + 1}": ["manage.py", "processors"] for n in range(clusters)
        }
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._over = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="keeper", daemon=True)

    def start(self, users: int) -> None:
        """Make the tables and the users `user0`..., and start everything."""
        self.database.drop_all()
        self.manage("migrate", "--verbosity", "0")
        self.manage("shell", "--no-imports", "-c", f"from bench.chaos.people import make_users; make_users({users})")
        self._children = {name: self._start(name) for name in self._commands}
        self._keeper.start()

    def manage(self, *command: str) -> str:
        """What a management command says. Raises RuntimeError with that where it fails."""
        done = subprocess.run(
            [sys.executable, "manage.py", *command],
            cwd=local.BASE, env=self._environment, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(done.stdout + done.stderr)
        return done.stdout

    def process(self, name: str) -> psutil.Process:
        """The process of this name: web, cluster 1, ..."""
        return psutil.Process(self._children[name].pid)

    @property
    def clusters(self) -> list[str]:
        """The names of the clusters."""
        return [name for name in self._commands if name != "web"]

    def stop(self) -> list[str]:
        """End everything, politely; what did not go well or was left behind, in words."""
        self._over.set()
        if self._keeper.ident is not None:
            self._keeper.join()
        wrong = []
        family = [p for child in self._children.values() for p in _family(child.pid)]
        for child in self._children.values():
            child.terminate()
        for name, child in self._children.items():
            try:
                if (code := child.wait(STOP_DEADLINE)) not in (0, -15):
                    wrong.append(f"{name} ended with {code}")
            except subprocess.TimeoutExpired:
                wrong.append(f"{name} did not end within {STOP_DEADLINE:g} s")
        if left := [process for process in family if _runs(process)]:
            wrong.append(f"{len(left)} processes were left behind")
            for process in left:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
        return wrong

    def close(self) -> None:
        """Stop the database, after everything else."""
        self.database.stop()
        self.said.close()

    def _start(self, name: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, *self._commands[name]],
            cwd=local.BASE, env=self._environment, stdout=self.said, stderr=self.said, start_new_session=True,
        )  # fmt: skip

    def _keep(self) -> None:
        while not self._over.wait(PROMPTLY):
            for name, child in list(self._children.items()):
                if child.poll() is not None:
                    self.ended += 1
                    self._children[name] = self._start(name)


def _family(pid: int) -> list[psutil.Process]:
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
