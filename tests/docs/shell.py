"""A reader's shell: it runs the commands of the documentation on a site."""

from __future__ import annotations

import os
import pty
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path

import httpx
import pytest
from django.conf import settings
from django.core.management import call_command
from django.test import override_settings

from tests.docs.commands import ANSWERS, MANAGE, ON_THE_SITE, commands, going_on, why_not
from tests.kit.programs import programs
from tests.kit.site import BASE, Site, free_port


class Shell:
    """Runs commands in `folder`, which has what a checkout has, as the user alice of the site."""

    def __init__(self, site: Site, folder: Path) -> None:
        self.site, self.folder, self.port = site, folder, free_port()
        self.done, self.missing = set[str](), set[str]()
        """Commands that were run, and the programs for which one was not."""
        for entry in BASE.iterdir():
            if entry.name not in {"var", ".git"}:
                (folder / entry.name).symlink_to(entry)
        (folder / "office-day.swf").symlink_to(BASE / "demo" / "office-day.swf")
        (folder / "resize.json").write_text('{"width": 640, "height": 480}')
        (folder / "jobs.jsonl").write_text('{"job_id": "line-1", "duration": 0.01}\n')
        (folder / "recorded.jsonl").write_text('{"at": 0, "job_id": "again-1", "duration": 0.01}\n')
        self._program("turnabout", f'exec {sys.executable} -m turnabout_client "$@"')
        self._program("generate-jobs", f"cat {folder}/jobs.jsonl")
        with site.client("alice") as api:
            access = api.headers["Authorization"].removeprefix("Bearer ")
        self.environment = {n: value for n, value in site.environment.items() if n != "DJANGO_ALLOW_ASYNC_UNSAFE"} | {
            "PATH": f"{folder}/bin:{BASE}/.venv/bin:{programs()}", "PYTHONPATH": f"{BASE}/client", "HOME": str(folder),
            "TURNABOUT_URL": site.url, "TURNABOUT_KEY": site.key("alice", "submit", "read"), "ACCESS": access,
            "UVICORN_PORT": str(self.port), "NO_COLOR": "1",
        }  # fmt: skip
        self.run('pg_dump --format=custom --file=turnabout.dump "$DATABASE_URL"')  # for the pages that look into it

    def _program(self, name: str, line: str) -> None:
        (self.folder / "bin").mkdir(exist_ok=True)
        (self.folder / "bin" / name).write_text(f"#!/bin/sh\n{line}\n")
        (self.folder / "bin" / name).chmod(0o755)

    def run(self, code: str) -> None:
        """Run the commands of a block, and check that each does what it is there for.

        One that goes on is interrupted at the end of the block: the others are for another terminal. One that has been
        run for another page is not run again.
        """
        with ExitStack() as end:
            for command in commands(code):
                if command in self.done:
                    continue
                self.done.add(command)
                here = self._here(command)
                if start := why_not(command):
                    self._look(start, command)
                elif asks := next((ANSWERS[start] for start in ANSWERS if command.startswith(start)), None):
                    self._answer(here, asks)
                elif does := going_on(command):
                    self._begin(here, does, end)
                elif (found := MANAGE.match(command)) and not ON_THE_SITE.search(command):
                    self._manage(*shlex.split(here[found.end() :]))
                else:
                    self._succeed(here)

    def _manage(self, *command: str) -> None:
        """Run a command of Django in this process, but not in the environment of tests."""
        with (
            pytest.MonkeyPatch.context() as environment,
            override_settings(QUEUEAPP=settings.QUEUEAPP | {"HEALTH_FILE": self.environment["HEALTH_FILE"]}),
        ):
            environment.delenv("DJANGO_ALLOW_ASYNC_UNSAFE")
            call_command(*command)

    def _here(self, command: str) -> str:
        """Return the command for this site, and with less to do."""
        for theirs, ours in (
            ("http://127.0.0.1:8000", self.site.url),
            ("https://queue.example.org", self.site.url),
            ("--port 8000", f"--port {self.port}"),
            ("/run/turnabout", str(self.folder)),
            ("shop.asgi", "jobsite.asgi"),
            ("--speed 60", "--speed 1e6 --limit 10"),
            ("--limit 500", ""),
        ):
            command = command.replace(theirs, ours)
        return command

    def _start(
        self, command: str, stdin: int = subprocess.DEVNULL, stdout: int = subprocess.PIPE
    ) -> subprocess.Popen[str]:
        return subprocess.Popen(
            ["bash", "-uc", f"exec 2>&1; {command}"], cwd=self.folder, env=self.environment, stdin=stdin,
            stdout=stdout, text=True, start_new_session=True,
        )  # fmt: skip

    def _succeed(self, command: str) -> None:
        program = next(word for word in command.split() if "=" not in word)
        if shutil.which(program, path=self.environment["PATH"]) is None:
            self.missing.add(program)
            return
        process = self._start(f"{command}\nexit")  # else bash becomes the command, which may ask what shell runs it
        said, _ = process.communicate(timeout=60)
        assert process.returncode == 0, said
        assert not re.search(r'"status": ?[45]\d\d|no report today', said), said

    def _answer(self, command: str, asks: list[tuple[str, str]]) -> None:
        """Answer at a terminal: with the password, or with an empty line where a default is offered."""
        ours, theirs = pty.openpty()
        process = self._start(command, theirs, theirs)
        os.close(theirs)
        with os.fdopen(ours, "r+b", buffering=0) as terminal:
            for asked, answer in asks:
                said = b""
                while not re.search(asked, said.decode()):
                    said += terminal.read(1)
                terminal.write(f"{answer}\n".encode())
            assert process.wait(30) == 0, terminal.read(10_000)

    @staticmethod
    def _await(process: subprocess.Popen[str], sign: str) -> None:
        assert process.stdout is not None
        said = ""
        while not re.search(sign, said):
            part = process.stdout.read(1)
            assert part, f"it ended: {said}"
            said += part

    def _begin(self, command: str, does: str, end: ExitStack) -> None:
        """Wait until the command does what it is for. At the end press Ctrl-C."""
        process = self._start(command)
        end.callback(self._interrupt, process)
        if does == "tells":
            with self._jobs_that_end():
                self._await(process, r"^(?!retry:).*\w")
        elif does == "works":
            self.site.wait_for("SELECT count(DISTINCT cluster) > 1 FROM queueapp_processor")
        else:
            self.site.until(self._answers, f"it serves pages: {command}")

    @staticmethod
    def _interrupt(process: subprocess.Popen[str]) -> None:
        os.killpg(process.pid, signal.SIGINT)
        said, _ = process.communicate(timeout=30)
        assert process.returncode in {0, 130, -signal.SIGINT}, said

    @contextmanager
    def _jobs_that_end(self) -> Iterator[None]:
        """Submit a short job of alice every tenth of a second: a stream that begins late tells of the next one."""
        over = threading.Event()

        def submit() -> None:
            with self.site.client("alice") as api:
                while not over.wait(0.1):
                    api.post("jobs/", json={"job_id": f"seen-{time.monotonic()}", "duration": 0.001})

        thread = threading.Thread(target=submit, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _answers(self) -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}/healthz").status_code == 200
        except httpx.TransportError:
            return False

    def _look(self, start: str, command: str) -> None:
        """Check what can be checked of a command that cannot be run."""
        words = shlex.split(command, comments=True)
        if start.endswith("make"):
            rest = [word.rstrip(";") for word in words if word not in {"sudo", "make", "make;"}]
            subprocess.run(["make", "--dry-run", *rest], cwd=BASE, check=True, stdout=subprocess.DEVNULL)
        elif start == "python -m bench.":
            assert find_spec(words[2]) is not None, words[2]
        elif start.endswith("pytest"):
            assert all((BASE / word).exists() for word in words if word.startswith("tests/"))
