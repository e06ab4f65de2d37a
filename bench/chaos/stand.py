"""The system under test: its own PostgreSQL server, a web server and clusters, with a supervisor that restarts them."""

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
"""Seconds between two checks for ended processes. A real site has such a supervisor, too."""
STOP_DEADLINE = 20.0
RECOVERY_DEADLINE = 30.0
RECOVERED_BY = 5.0
"""Seconds for the server to recover from a full disk before it is restarted. A recovery takes a fraction of one."""
FULL_FOR = 2.0
"""Seconds that the disk is full."""
ROOM = 65_536
"""Bytes that a file may be larger than the server's log while the disk is full."""


class Database:
    """An embedded PostgreSQL server in its own folder, which can be stopped in each of the three shutdown modes."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._server = Postgres(folder)
        self._server.prepare()
        self._server.start()
        self.url = url("postgres", self._server.sockets)

    def query(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Return the rows of a statement; [] if it returns none."""
        with self._connect() as connection:
            cursor = connection.execute(statement, parameters or None)
            return cursor.fetchall() if cursor.description else []

    def _connect(self, seconds: float = RECOVERY_DEADLINE) -> psycopg.Connection[Any]:
        """Return a connection as soon as the server accepts one. Raises OperationalError after `seconds`."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                return psycopg.connect(self.url, autocommit=True, connect_timeout=5)
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(PROMPTLY)

    def restart(self, mode: str) -> None:
        """Stop the server in pg_ctl's `mode` and start it. A mode that takes longer than 3 s (smart) becomes fast."""
        if not self._server.stop(MODES[mode], 3.0):
            self._server.stop(signal.SIGINT)
        self._server.start()

    def fill_disk(self) -> None:
        """Limit the server's file sizes (RLIMIT_FSIZE) for FULL_FOR seconds, then lift the limit.

        If the server gave up, start it, as an operator does who has made room.
        """
        least = self._server.log.stat().st_size + ROOM
        assert self._server.process is not None
        postmaster = psutil.Process(self._server.process.pid)
        self._limit(postmaster, str(least))
        time.sleep(FULL_FOR)
        self._limit(postmaster, "unlimited")
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._server.process.wait(1)  # it may be shutting down
            self._server.start()
        try:
            self._connect(RECOVERED_BY).close()
        except psycopg.OperationalError:  # its recovery began while no file could grow, and hangs
            self.restart("immediate")

    def log_has(self, text: str) -> int:
        """Return how often the server's log has this text."""
        return self._server.log.read_text(errors="replace").count(text)

    def drop_all(self) -> None:
        """Empty the database of what an earlier run left."""
        self.query("DROP SCHEMA public CASCADE")
        self.query("CREATE SCHEMA public")

    def stop(self) -> None:
        """Stop the server and remove its sockets."""
        self._server.stop()
        self._server.remove_sockets()

    def _limit(self, postmaster: psutil.Process, size: str) -> None:
        """Set the soft limit of file sizes: the server's own user may raise it again. New backends inherit it."""
        with contextlib.suppress(psutil.NoSuchProcess):
            for process in [postmaster, *postmaster.children()]:
                command = ["prlimit", "--pid", str(process.pid), f"--fsize={size}:"]
                subprocess.run(command, user=self._server.uid, stderr=subprocess.DEVNULL, check=False)


class Stand:
    """Web server and clusters on a Database. A thread restarts each that has ended; `ended` counts the restarts."""

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
        """Make the tables and the users `user0`..., then start web server and clusters."""
        self.database.drop_all()
        self.manage("migrate", "--verbosity", "0")
        self.manage("shell", "--no-imports", "-c", f"from bench.chaos.people import make_users; make_users({users})")
        self._children = {name: self._start(name) for name in self._commands}
        self._keeper.start()

    def manage(self, *command: str) -> str:
        """Run a management command and return its output. Raises RuntimeError with the output if it fails."""
        done = subprocess.run(
            [sys.executable, "manage.py", *command],
            cwd=local.BASE, env=self._environment, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(done.stdout + done.stderr)
        return done.stdout

    def process(self, name: str) -> psutil.Process:
        """Return the process of this name: web, cluster 1, ..."""
        return psutil.Process(self._children[name].pid)

    @property
    def clusters(self) -> list[str]:
        """The names of the clusters."""
        return [name for name in self._commands if name != "web"]

    def stop(self) -> list[str]:
        """Stop web server and clusters by SIGTERM. Return in words what failed or was left behind; kill the latter."""
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
        """Stop the database. Call `stop` first."""
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
