"""A whole site for tests, with its own database, a real ASGI server and a real cluster."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

import httpx
import psycopg
from psycopg import sql

from jobsite.up import web_server

BASE = Path(__file__).resolve().parents[2]
DEADLINE = 30.0
T = TypeVar("T")
PASSWORD = "turnabout-test"
_migrated: set[str] = set()
"""The databases that sites of this process are copied from."""


def free_port() -> int:
    """Return a TCP port on loopback that nobody listens on."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Site:
    """A site that a test starts. `stop` ends its processes. `environment`: environment variables of these."""

    tree = BASE
    """The folder of the code that its processes run."""

    def __init__(self, database: str, processors: int, **environment: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        server = urlsplit(os.environ["DATABASE_URL"])
        self._server_url = os.environ["DATABASE_URL"]
        self.database = f"{database}_{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}"
        self.database_url = urlunsplit(server._replace(path=f"/{self.database}"))
        self.environment = os.environ | {
            "DATABASE_URL": self.database_url,
            "DJANGO_SETTINGS_MODULE": "tests.settings",
            "PROCESSORS": str(processors),
            "PYTHONUNBUFFERED": "1",
            **environment,
        }
        self.web: subprocess.Popen[bytes] | None = None
        self.cluster: subprocess.Popen[bytes] | None = None

    def start(self, *, cluster: bool = True, web: bool = True) -> None:
        """Make the database anew, start web server and cluster (unless told not to), and wait until they are ready."""
        self.drop_database()
        self._create_database()
        if cluster:
            self.start_cluster()
        if web:
            self.start_web()
        if cluster:
            self.wait_for(
                "SELECT count(*) >= %s FROM queueapp_processor", int(self.environment["PROCESSORS"].partition("-")[0])
            )

    def _create_database(self) -> None:
        """Copy a migrated database. The first site with these settings makes it: migrations take four CPU seconds."""
        settings = self.environment["DJANGO_SETTINGS_MODULE"]
        template = Site(f"template_{settings.replace('.', '_')}", 1, DJANGO_SETTINGS_MODULE=settings)
        with psycopg.connect(self._server_url, autocommit=True) as connection:
            if template.database not in _migrated:
                template.drop_database()
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(template.database)))
                template.manage("migrate", "--verbosity", "0")
                _migrated.add(template.database)
            statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
            names = sql.Identifier(self.database), sql.Identifier(template.database)
            connection.execute(statement.format(*names))
        # The rule that comes with the tables is as new as the copy: audit complains of a change that nobody follows.
        self.query("UPDATE queueapp_rulechange SET made_at = now()")

    def drop_database(self) -> None:
        """Drop the database if there is one, with its connections."""
        with psycopg.connect(self._server_url, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(self.database)))

    def start_web(self) -> None:
        """Start the web server on this site's port and wait until it answers."""
        self.web = self._popen(*web_server(self.port))
        self.until(self._answers, "the web server answers")

    def start_cluster(self, stderr: int | None = None) -> None:
        """Start a cluster of processors. `stderr`: as for subprocess.Popen."""
        self.cluster = self._popen("manage.py", "processors", stderr=stderr)

    def stop(self) -> None:
        """Stop cluster and web server by SIGTERM, and check that they end cleanly."""
        if self.cluster is not None:
            assert self.end(self.cluster) == 0
        if self.web is not None:
            # After a clean shutdown, uvicorn raises the signal that it was sent.
            assert self.end(self.web) in {0, -signal.SIGTERM}

    def end(self, process: subprocess.Popen[bytes]) -> int:
        """Send SIGTERM and return the exit code. Kills the process and raises TimeoutExpired after DEADLINE seconds."""
        process.send_signal(signal.SIGTERM)
        try:
            return process.wait(DEADLINE)
        finally:
            process.kill()

    def manage(self, *command: str) -> str:
        """Run a management command and return its output. Raises AssertionError, with its errors, if it fails."""
        done = subprocess.run(
            [sys.executable, "manage.py", *command],
            cwd=self.tree, env=self.environment, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    def refused(self, *command: str, **environment: str) -> str:
        """Run Python with this command, check that it exits with 1, and return its standard error."""
        done = subprocess.run(
            [sys.executable, *command], cwd=self.tree, env=self.environment | environment, capture_output=True,
            text=True, timeout=DEADLINE,
        )  # fmt: skip
        assert done.returncode == 1, done
        return done.stderr

    def query(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Return the rows of a statement on the site's database; [] if it returns none."""
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            cursor = connection.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []

    def wait_for(self, condition: str, *parameters: Any) -> None:
        """Wait until a query returns true. Raises AssertionError after DEADLINE seconds."""
        self.until(lambda: bool(self.query(condition, *parameters)[0][0]), condition)

    def user(self, name: str, *, staff: bool = False) -> tuple[str, str]:
        """Make a user, and return name and password. `staff`: a superuser."""
        from django.contrib.auth.hashers import make_password

        self.query(
            "INSERT INTO accounts_user (username, password, is_staff, is_superuser, is_active, first_name, last_name,"
            " email, date_joined) VALUES (%s, %s, %s, %s, true, '', '', '', now())",
            name, make_password(PASSWORD), staff, staff,
        )  # fmt: skip
        return name, PASSWORD

    def client(self, name: str) -> httpx.Client:
        """Return an API client with a token of this user, who must exist."""
        answer = httpx.post(f"{self.url}/api/v1/token/", json={"username": name, "password": PASSWORD})
        answer.raise_for_status()
        token = answer.json()["access"]
        return httpx.Client(
            base_url=f"{self.url}/api/v1/", headers={"Authorization": f"Bearer {token}"}, timeout=DEADLINE
        )

    def key(self, name: str, *scopes: str) -> str:
        """Return a new API key of this user, made as anybody makes one."""
        with self.client(name) as client:
            answer = client.post("keys/", json={"name": f"key {uuid.uuid4()}", "scopes": scopes})
        key: str = answer.raise_for_status().json()["key"]
        return key

    def _popen(self, *command: str, stderr: int | None = None) -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, *command], cwd=self.tree, env=self.environment, stderr=stderr)

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/healthz").status_code == 200
        except httpx.TransportError:
            return False

    def until(self, condition: Callable[[], T | None], what: str) -> T:
        """Return what a condition returns once that is true. Raises AssertionError, which names `what`, after DEADLINE
        seconds.
        """
        deadline = time.monotonic() + DEADLINE
        while not (found := condition()):
            assert time.monotonic() < deadline, f"waited in vain until {what}"
            time.sleep(0.02)
        return found
