"""A project of somebody else, made by `startproject`, that has installed the wheel."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any, ClassVar, LiteralString

import httpx
import psycopg
import pytest

from tests.kit.examples import blocks_of
from tests.kit.site import BASE, DEADLINE, PASSWORD, free_port

UV = BASE / ".venv" / "bin" / "uv"
GUIDE = "docs/guides/add-to-your-project.md"
EMAIL = "ada@example.org"
USER_MODEL = """
import uuid
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models

class Manager(BaseUserManager):
    def create_superuser(self, email, password):
        user = self.model(email=email, is_staff=True, is_superuser=True)
        user.set_password(password)
        user.save()
        return user

class User(AbstractBaseUser, PermissionsMixin):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    email = models.EmailField(unique=True)
    is_staff = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    USERNAME_FIELD = "email"
    objects = Manager()
"""
"""A user model that has nothing of Django's own but what it must: a UUID as its key, log-in by e-mail."""


def guide(file: str) -> str:
    """Return the lines that the guide adds to a file, its first line, a comment, left out."""
    [code] = [block.code for block in blocks_of(GUIDE, "python") if block.code.startswith(f"# {file}\n")]
    return code.partition("\n")[2]


class Project:
    """The project `shop` in `folder`, with a Python of its own. Its processes end with the block."""

    added: ClassVar[tuple[str, ...]] = ("settings.py", "urls.py", "asgi.py")
    """The files that the guide adds lines to."""

    def __init__(self, folder: Path, database: dict[str, str]) -> None:
        self.folder, self.database = folder, database
        self.url = ""
        self.log = ""
        self.lines = 0
        """Lines that were added to what `startproject` made; the user model is not counted."""
        self._processes = ExitStack()
        self._started: list[subprocess.Popen[bytes]] = []
        self._environment = {
            name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ
        } | {"PYTHONWARNINGS": "default,ignore::ResourceWarning", "PYTHONUNBUFFERED": "1"}

    def __enter__(self) -> Project:
        return self

    def __exit__(self, *_: object) -> None:
        self._processes.close()

    def install(self, *packages: str, python: str = sys.executable, options: tuple[str, ...] = ()) -> None:
        """Make a virtual environment with these packages. Skips the test if there is no registry to have them from."""
        self._run(UV, "venv", "--quiet", "--python", python, "venv", environment=dict(os.environ))
        install = "pip", "install", "--quiet", "--python", "venv", *options, *packages
        try:
            self._run(UV, *install, environment=dict(os.environ))
        except subprocess.CalledProcessError as failed:
            if "Failed to fetch" in failed.stderr:
                pytest.skip("no registry of packages can be reached")
            raise

    def start(self) -> None:
        """Make the project, with its own user model and database, and no line of the queue."""
        self.run("-m", "django", "startproject", "shop", ".")
        self.run("manage.py", "startapp", "people")
        (self.folder / "people" / "models.py").write_text(USER_MODEL)
        database = {"ENGINE": "django.db.backends.postgresql"} | self.database
        self.add(
            "settings.py",
            f'DATABASES = {{"default": {database}}}\nINSTALLED_APPS += ["people"]\nAUTH_USER_MODEL = "people.User"\n',
        )
        self.run("manage.py", "makemigrations", "people")

    def add(self, file: str, lines: str) -> None:
        """Add lines to the end of a file of the project."""
        with (self.folder / "shop" / file).open("a") as text:
            text.write(lines)
        self.lines += len([line for line in lines.splitlines() if line.strip()])

    def follow_guide(self) -> None:
        """Add the guide's lines, and its task."""
        for file in self.added:
            self.add(file, guide(file))
        self.add("asgi.py", guide("asgi.py, at the end"))
        (self.folder / "people" / "tasks.py").write_text(guide("tasks.py"))

    def run(self, *command: str, **environment: str) -> str:
        """Run the project's Python and return what it printed. Raises CalledProcessError."""
        python = self.folder / "venv" / "bin" / "python"
        return self._run(python, *command, environment=self._environment | environment)

    def refused(self, *command: str) -> str:
        """Run the project's Python, check that it fails, and return its standard error."""
        try:
            self.run(*command)
        except subprocess.CalledProcessError as failed:
            return str(failed.stderr)
        raise AssertionError(f"{command} did not fail")

    def migrate(self) -> None:
        """Make the tables, and a superuser."""
        self.run("manage.py", "migrate")
        self.run("manage.py", "createsuperuser", "--noinput", "--email", EMAIL, DJANGO_SUPERUSER_PASSWORD=PASSWORD)

    def serve(self) -> httpx.Client:
        """Start the processors and uvicorn. Return a browser that has logged in."""
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.start_processors()
        self._start(
            "-m",
            "uvicorn",
            "--timeout-graceful-shutdown",
            "2",
            "--port",
            str(port),
            "--log-level",
            "warning",
            "shop.asgi:application",
        )
        browser = self._processes.enter_context(httpx.Client(base_url=self.url, timeout=DEADLINE))
        transport = httpx.HTTPTransport(retries=8)  # at growing intervals, until the server listens
        with httpx.Client(base_url=self.url, timeout=DEADLINE, transport=transport) as first:
            first.get("/admin/login/").raise_for_status()
        browser.get("/admin/login/")
        form = {"username": EMAIL, "password": PASSWORD, "next": "/queue/"}
        answer = browser.post(
            "/admin/login/", data=form | {"csrfmiddlewaretoken": browser.cookies["csrftoken"]},
        )  # fmt: skip
        assert answer.status_code == 302, answer.text
        browser.headers["X-CSRFToken"] = browser.cookies["csrftoken"]
        return browser

    def start_processors(self) -> None:
        """Start a cluster of processors."""
        self._start("manage.py", "processors")

    def query(self, statement: LiteralString) -> list[tuple[Any, ...]]:
        """Return the rows of a statement on the project's database."""
        names = {"NAME": "dbname", "USER": "user", "PASSWORD": "password", "HOST": "host", "PORT": "port"}
        with psycopg.connect(**{names[name]: value for name, value in self.database.items()}) as connection:  # type: ignore[arg-type]
            return connection.execute(statement).fetchall()

    def check_alive(self) -> None:
        """Check that the processors and the web server have not ended by themselves."""
        for process in self._started:
            assert process.poll() is None, self.stop()

    def stop(self) -> str:
        """End the processes as an operator does. Return their log."""
        self._processes.close()
        return self.log

    def _start(self, *command: str) -> None:
        log = self._processes.enter_context((self.folder / f"{command[-1]}.log").open("w+"))
        process = subprocess.Popen(
            [self.folder / "venv" / "bin" / "python", *command], cwd=self.folder, env=self._environment, stdout=log,
            stderr=subprocess.STDOUT,
        )  # fmt: skip
        self._processes.callback(self._end, process, log)
        self._started.append(process)

    def _end(self, process: subprocess.Popen[bytes], log: Any) -> None:
        process.send_signal(signal.SIGTERM)
        try:
            code = process.wait(DEADLINE)
        finally:
            process.kill()
        log.seek(0)
        self.log += log.read()
        assert code in {0, -signal.SIGTERM}, self.log

    def _run(self, *command: str | Path, environment: dict[str, str]) -> str:
        done = subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=10 * DEADLINE
        )
        if done.returncode:
            raise subprocess.CalledProcessError(done.returncode, command, done.stdout, done.stderr) from RuntimeError(
                done.stdout + done.stderr
            )
        return done.stdout + done.stderr


def fresh_database(url: str, name: str) -> dict[str, str]:
    """Make an empty database on the server at `url`, and return its part of Django's DATABASES."""
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        server.execute(f"CREATE DATABASE {name}")
        info = server.info
        return {"NAME": name, "USER": info.user, "PASSWORD": info.password, "HOST": info.host, "PORT": str(info.port)}
