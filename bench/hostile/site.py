"""The site under test: its own PostgreSQL server, one web server and one cluster, and the checks that they end well."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psutil
import psycopg

from bench.chaos.stand import Database
from bench.harness import free_port
from bench.histories import record
from bench.hostile.processes import MARK, family, marked, name, runs
from jobsite import local
from jobsite.up import web_server

MODES = {
    "shared": "no active rule: all users in one flow, by order of submission",
    "own": "everyone takes turns: a flow for each user",
}
USERS = ("mallory", "ann", "ben", "cat", "bystander")
PASSWORD = "hostile-and-good"
STOP_DEADLINE = 15.0
START_DEADLINE = 30.0
NAME = "hostile_site"

_SETUP = f"""
from jobsite.accounts.models import User
for name in {USERS!r}:
    User.objects.get_or_create(username=name)[0].set_password({PASSWORD!r})
    user = User.objects.get(username=name); user.set_password({PASSWORD!r}); user.save()
"""
_NO_RULES = """
from queueapp.models import PriorityRule
for rule in PriorityRule.objects.all():
    rule.active = False
    rule.save()
"""


class Site:
    """A site that starts in a mode, answers, and stops. `reset` makes its database anew from a copy."""

    def __init__(self, folder: Path, processors: int) -> None:
        self.processors = processors
        self.database = Database(folder)
        self.history = folder / "history.jsonl"
        self.said = (folder / "said.log").open("w")
        self.url = f"http://127.0.0.1:{free_port()}"
        self._mark = uuid.uuid4().hex
        self._template = ""
        self._web: subprocess.Popen[bytes] | None = None
        self._cluster: subprocess.Popen[bytes] | None = None
        self._auditor: subprocess.Popen[str] | None = None
        self._environment = os.environ | {
            "DATABASE_URL": urlsplit(self.database.url)._replace(path=f"/{NAME}").geturl(),
            "DJANGO_SETTINGS_MODULE": "bench.hostile.settings",
            "SECRET_KEY": local.secret_key(folder),
            "ALLOWED_HOSTS": local.HOSTS,
            "HTTPS": "no",
            "PROCESSORS": str(processors),
            "ACCESS_TOKEN_MINUTES": "120",
            "PYTHONUNBUFFERED": "1",
            record.PATH: str(self.history),
            MARK: self._mark,
        }
        self._environment.pop("QUEUEAPP_CLUSTER", None)
        record.to(str(self.history))

    def start(self, mode: str) -> dict[str, str]:
        """Make the tables and users of this mode, start web server and cluster, and return the users' tokens."""
        self.stop_all()
        self._fresh("template0")
        self.manage("migrate", "--verbosity", "0")
        self.manage("shell", "--no-imports", "-c", _SETUP + (_NO_RULES if mode == "shared" else ""))
        self._template = f"hostile_{mode}"
        self.database.query(f"DROP DATABASE IF EXISTS {self._template} WITH (FORCE)")
        self.database.query(f"CREATE DATABASE {self._template} TEMPLATE {NAME}")
        self.start_web()
        self.start_cluster()
        return {user: self._token(user) for user in USERS}

    def reset(self) -> None:
        """Make the database anew and restart everything, so that nothing of a broken trial is left."""
        self.stop_all()
        self._fresh(self._template)
        self.start_web()
        self.start_cluster()

    def stop_all(self) -> None:
        """Kill all of the site's processes except the database, in whatever state they are."""
        for child in (self._cluster, self._web, self._auditor):
            if child is not None:
                for process in [*family(child.pid)]:
                    with contextlib.suppress(psutil.NoSuchProcess):
                        process.kill()
                child.wait()
        for process in marked(self._mark):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self._cluster = self._web = self._auditor = None

    def close(self) -> None:
        """End all processes, and the database."""
        self.stop_all()
        self.database.stop()
        self.said.close()

    def start_web(self) -> None:
        """Start the web server, and wait until it answers. Raises RuntimeError after START_DEADLINE seconds."""
        self._web = self._popen(*web_server(self.url.rpartition(":")[2]))
        deadline = time.monotonic() + START_DEADLINE
        while True:
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(f"{self.url}/api/v1/queue/", timeout=5).status_code == 401:
                    return
            if time.monotonic() > deadline:
                raise RuntimeError("The web server did not start.")
            time.sleep(0.1)

    def start_cluster(self) -> None:
        """Start a cluster of processors."""
        self._cluster = self._popen("manage.py", "processors")

    @property
    def cluster_ended(self) -> bool:
        """Whether the cluster's command has ended by itself."""
        return self._cluster is not None and self._cluster.poll() is not None

    def stop_cluster(self) -> list[str]:
        """Send SIGTERM to the cluster. Return in words what fails or is left behind, and kill the latter."""
        assert self._cluster is not None
        kin, wrong, began = family(self._cluster.pid), [], time.monotonic()
        self._cluster.terminate()
        try:
            if code := self._cluster.wait(STOP_DEADLINE):
                wrong.append(f"the command ended with {code}")
        except subprocess.TimeoutExpired:
            wrong.append(f"the command did not end within {STOP_DEADLINE:g} s of SIGTERM")
            kin += family(self._cluster.pid)
        left = {process.pid: process for process in [*kin, *marked(self._mark)] if runs(process)}
        for child in (self._web, self._auditor):
            for process in family(child.pid) if child is not None else []:
                left.pop(process.pid, None)
        if left:
            names = ", ".join(sorted({name(process) for process in left.values()}))
            wrong.append(f"{len(left)} processes were left {time.monotonic() - began:.0f} s after SIGTERM: {names}")
        for process in left.values():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self._cluster = None
        return wrong

    def audit(self) -> list[str]:
        """Return the findings of `manage.py audit`."""
        if self._auditor is None or self._auditor.poll() is not None:
            self._auditor = subprocess.Popen(
                [sys.executable, "-m", "bench.hostile.auditor"],
                cwd=local.BASE, env=self._environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                stderr=self.said,
            )  # fmt: skip
        assert self._auditor.stdin is not None
        assert self._auditor.stdout is not None
        self._auditor.stdin.write("look\n")
        self._auditor.stdin.flush()
        answer: list[str] = json.loads(self._auditor.stdout.readline() or '["The audit ended."]')
        return answer

    def query(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Return the rows of a statement on the site's database."""
        with psycopg.connect(self._environment["DATABASE_URL"], autocommit=True) as connection:
            return connection.execute(statement, parameters or None).fetchall()

    def manage(self, *command: str) -> None:
        """Run a management command. Raises CalledProcessError if it fails."""
        subprocess.run(
            [sys.executable, "manage.py", *command],
            cwd=local.BASE, env=self._environment, check=True, stdout=self.said, stderr=self.said, timeout=120,
        )  # fmt: skip

    def _fresh(self, template: str) -> None:
        self.database.query(f"DROP DATABASE IF EXISTS {NAME} WITH (FORCE)")
        self.database.query(f"CREATE DATABASE {NAME} TEMPLATE {template}")

    def _token(self, user: str) -> str:
        ask = {"username": user, "password": PASSWORD}
        answer = httpx.post(f"{self.url}/api/v1/token/", json=ask, timeout=START_DEADLINE)
        return str(answer.raise_for_status().json()["access"])

    def _popen(self, *command: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, *command], cwd=local.BASE, env=self._environment,
            stdin=subprocess.DEVNULL, stdout=self.said, stderr=self.said, start_new_session=True,
        )  # fmt: skip
