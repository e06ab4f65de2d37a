"""A site of several hosts: a database, web servers behind nginx, and clusters of processors."""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg

from bench.hosts.network import Network
from jobsite import local
from jobsite.embedded import Postgres, url

DATABASE, PROXY = "db", "proxy"
WEB = ("web1", "web2")
WORKERS = ("worker1", "worker2", "worker3")
PORTS = (8000, 8001)
"""Ports of a host's web servers; at the start it has the first."""
PROCESSORS = 4
"""Processors of each worker host."""
PASSWORD = "many-hosts"
START_SECONDS = 60.0
STOP_SECONDS = 40.0
CLONE_NEWUTS = 0x04000000  # linux/sched.h
_libc = ctypes.CDLL(None, use_errno=True)


class Fleet:
    """The hosts and what runs on them. A process has a name: its host, and its port or what it is."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.network = Network([DATABASE, PROXY, *WEB, *WORKERS])
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._said = (folder / "said.log").open("w")
        self._server = Postgres(folder)
        self.url = f"https://{self.network.address(PROXY)}"
        self._environment = os.environ | {
            "DATABASE_URL": f"postgresql://postgres@{self.network.address(DATABASE)}:5432/postgres",
            "DJANGO_SETTINGS_MODULE": "bench.hosts.settings",
            "SECRET_KEY": local.secret_key(folder),
            "ALLOWED_HOSTS": self.network.address(PROXY),
            "FORWARDED_ALLOW_IPS": self.network.address(PROXY),
            "ACCESS_TOKEN_MINUTES": "120",
            "PYTHONUNBUFFERED": "1",
        }
        os.environ["SSL_CERT_FILE"] = str(folder / "certificates" / "site.pem")  # for our clients

    def start(self, users: list[str]) -> dict[str, str]:
        """Start everything, with these users, and return their tokens."""
        self._start_database()
        self.manage("migrate", "--verbosity", "0")
        people = (
            f"from jobsite.accounts.models import User\nfor name in {users!r}:"
            f"\n    User.objects.create_user(name, password={PASSWORD!r})"
        )
        self.manage("shell", "--no-imports", "-c", people)
        for host in WEB:
            self.start_web(host)
        self._start_proxy()
        for host in WORKERS:
            self.start_workers(host)
        self.wait(lambda: all(self.alive().get(host) == PROCESSORS for host in WORKERS), "all processors are alive")
        self.wait(self._answers, "the site answers through the proxy")
        return {user: self._token(user) for user in users}

    def start_web(self, host: str, port: int = PORTS[0]) -> None:
        """Start a web server, by the command of docs/guides/deploy.md."""
        self._start(
            host, f"{host}:{port}", sys.executable, "-m", "jobsite.web", "--host", "0.0.0.0", "--port", str(port)
        )  # fmt: skip

    def start_workers(self, host: str, processors: int = PROCESSORS, skew: int = 0) -> None:
        """Start a cluster. `skew`: seconds by which its clock is off."""
        more = {"PROCESSORS": str(processors)}
        if skew:
            more |= {"LD_PRELOAD": str(self._skew_library()), "SKEW": str(skew)}
        self._start(host, host, sys.executable, "manage.py", "processors", **more)

    def stop(self, name: str, seconds: float = STOP_SECONDS) -> None:
        """Stop a process by SIGTERM, as a service manager does. Kill it after so many seconds."""
        process = self.processes.pop(name)
        process.terminate()
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            _kill_family(process)

    def kill(self, name: str) -> None:
        """Kill a process, and all that it started."""
        _kill_family(self.processes.pop(name))

    def alive(self) -> dict[str, int]:
        """Return the live processors by host."""
        return dict(
            self.query("SELECT host, count(*) FROM queueapp_processor WHERE lease_until > clock_timestamp() GROUP BY 1")
        )

    def attempts_lost(self) -> int:
        """Return the attempts that ended without success."""
        [(lost,)] = self.query("SELECT count(*) FROM queueapp_attempt")
        return int(lost)

    def query(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Return the rows of a statement, by the server's own socket: no cut of the network is in its way."""
        with psycopg.connect(url("postgres", self._server.sockets), autocommit=True) as connection:
            cursor = connection.execute(statement, parameters or None)
            return cursor.fetchall() if cursor.description else []

    def manage(self, *command: str) -> str:
        """Run a management command on the first web host. Raises CalledProcessError, with its output, if it fails."""
        with self.network.inside(WEB[0]):
            return subprocess.run(
                [sys.executable, "manage.py", *command],
                cwd=local.BASE, env=self._environment, check=True, capture_output=True, text=True, timeout=120,
            ).stdout  # fmt: skip

    def wait(self, condition: Callable[[], bool], what: str, seconds: float = START_SECONDS) -> float:
        """Wait until a condition holds, and return the seconds. Raises TimeoutError."""
        began = time.monotonic()
        while not condition():
            if time.monotonic() - began > seconds:
                raise TimeoutError(f"Waited in vain for {seconds:g} s until {what}.")
            time.sleep(0.1)
        return time.monotonic() - began

    def close(self) -> None:
        """Stop everything and remove the network."""
        for name in list(self.processes):
            self.stop(name)
        self._server.stop()
        self._server.remove_sockets()
        self.network.close()
        self._said.close()

    def _start_database(self) -> None:
        self._server.prepare()
        rules = self._server.data / "pg_hba.conf"
        rule = f"host all all {self.network.range} trust\n"
        kept = [line for line in rules.read_text().splitlines(keepends=True) if not line.startswith("host all all 10.")]
        rules.write_text("".join(kept) + rule)
        with self.network.inside(DATABASE):
            self._server.start(listen=self.network.address(DATABASE))
        self.query("DROP SCHEMA public CASCADE")
        self.query("CREATE SCHEMA public")

    def _start_proxy(self) -> None:
        """Start nginx with the file of deploy/, and a certificate for its address."""
        certificates, address = self.folder / "certificates", self.network.address(PROXY)
        certificates.mkdir(exist_ok=True)
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", f"/CN={address}",
             "-addext", f"subjectAltName=IP:{address}", "-keyout", certificates / "site.key",
             "-out", certificates / "site.pem"], check=True, capture_output=True,
        )  # fmt: skip
        servers = "".join(f"server {self.network.address(host)}:{port};" for host in WEB for port in PORTS)
        shipped = (local.BASE / "deploy" / "nginx" / "turnabout.conf").read_text()
        (self.folder / "site.conf").write_text(re.sub(r"server web:8000;.*", servers, shipped))
        main = self.folder / "nginx.conf"
        main.write_text(
            f"user root; daemon off; pid {self.folder}/nginx.pid; error_log {self.folder}/nginx.log;"
            " events { worker_connections 1024; }\n"
            f"http {{ access_log off; include {self.folder}/site.conf; }}\n"
        )
        self._start(PROXY, PROXY, "nginx", "-p", str(self.folder), "-c", str(main))

    def _skew_library(self) -> Path:
        library = self.folder / "skew.so"
        source = Path(__file__).with_name("skew.c")
        subprocess.run(["gcc", "-shared", "-fPIC", "-O2", "-o", library, source, "-ldl"], check=True)
        return library

    def _start(self, host: str, name: str, *command: str, **environment: str) -> None:
        def become_host() -> None:
            if _libc.unshare(CLONE_NEWUTS):
                raise OSError(ctypes.get_errno(), "unshare")
            socket.sethostname(host)

        with self.network.inside(host):
            self.processes[name] = subprocess.Popen(
                command, cwd=local.BASE, env=self._environment | environment, stdin=subprocess.DEVNULL,
                stdout=self._said, stderr=self._said, start_new_session=True, preexec_fn=become_host,
            )  # fmt: skip

    def _answers(self) -> bool:
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(f"{self.url}/readyz", timeout=5).status_code == 200
        return False

    def _token(self, user: str) -> str:
        answer = httpx.post(f"{self.url}/api/v1/token/", json={"username": user, "password": PASSWORD}, timeout=30)
        return str(answer.raise_for_status().json()["access"])


def _kill_family(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        parent = psutil.Process(process.pid)
        for one in [*parent.children(recursive=True), parent]:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()
    process.wait()
