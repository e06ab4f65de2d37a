"""Runs the whole site on this machine, in the foreground: database, web server, processors. `make run` calls it.

    python -m jobsite.up [--demo]

Settings, from the environment: PORT (default 8000), PROCESSORS (default 4), DATABASE_URL (default: an embedded
database under var/). Ctrl-C or SIGTERM stops everything, the database last.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from types import FrameType

from jobsite import local

HOST = "127.0.0.1"
DEMO_SPEED = "60"
LOOK_EVERY = 0.1
WEB_DEADLINE = 5.0
PROCESSORS_DEADLINE = 20.0
"""Seconds; above the grace period that the processors give to running jobs."""


class Up:
    """The processes of the site, children of this one and in its process group."""

    def __init__(self) -> None:
        self.stopping = False
        self.children: dict[str, subprocess.Popen[bytes]] = {}
        self.guests: dict[str, subprocess.Popen[bytes]] = {}

    def stop_soon(self, number: int, frame: FrameType | None) -> None:
        """Receiver of SIGINT and SIGTERM."""
        self.stopping = True

    def start(self, name: str, *command: str) -> None:
        """Start a child that is to run as long as this process."""
        self.children[name] = _python(*command)

    def invite(self, name: str, *command: str) -> None:
        """Start a child that may end when it is done."""
        self.guests[name] = _python(*command)

    def watch(self) -> int:
        """Wait for a signal, or for a child that ends before its time; the exit code."""
        while not self.stopping:
            for name, child in self.children.items():
                if (code := child.poll()) is not None:
                    say(f"The {name} ended by itself (exit code {code}); stopping.")
                    return code or 1
            time.sleep(LOOK_EVERY)
        return 0

    def stop(self) -> None:
        """Stop every child: ask first, and end it at its deadline."""
        everyone = self.guests | self.children
        for child in everyone.values():
            with suppress(ProcessLookupError):
                child.terminate()
        for name, child in everyone.items():
            try:
                child.wait(PROCESSORS_DEADLINE if name == "processors" else WEB_DEADLINE)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def main(arguments: list[str] | None = None) -> int:
    """Run the site until a signal comes; the exit code."""
    options = _options(arguments)
    embedded = not os.environ.get("DATABASE_URL")
    port = os.environ.get("PORT") or "8000"
    up = Up()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, up.stop_soon)
    _prepare(embedded)
    try:
        if not up.stopping:
            up.start("processors", "manage.py", "processors")
            up.start("web server", *web_server(port))
            say(_welcome(port, embedded))
        if options.demo and not up.stopping:
            up.invite("replay", *_replay())
        return up.watch()
    finally:
        up.stop()
        say("Stopped.")


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="jobsite.up", description="Run the whole site on this machine.")
    parser.add_argument("--demo", action="store_true", help="replay a small log of an office day into it")
    return parser.parse_args(arguments)


def _prepare(embedded: bool) -> None:
    """Database, secret key, migrations and, in an embedded database, the demo accounts."""
    os.environ["DATABASE_URL"] = os.environ.get("DATABASE_URL") or local.start_database(local.var_folder())
    local.fill_rest()
    os.environ.setdefault("CHECKSUM_FOLDER", str(local.BASE / "demo"))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "jobsite.settings")
    for command in [["migrate", "--verbosity", "0"]] + [["demo_accounts", "--quiet"]] * embedded:
        if code := _python("manage.py", *command).wait():
            sys.exit(code)


def _python(*command: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, *command], cwd=local.BASE)  # noqa: S603 (our own commands)


def _replay() -> list[str]:
    return ["manage.py", "replay", "demo/office-day.swf", "--speed", DEMO_SPEED, "--users", "alice,bob,carol"]


def web_server(port: str, application: str = "jobsite.asgi:application") -> list[str]:
    """What Python is to run to serve the site on this port of this machine."""
    return [
        "-m", "uvicorn", application, "--host", HOST, "--port", port, "--lifespan", "off",
        "--no-access-log", "--no-server-header", "--log-level", "warning", "--timeout-graceful-shutdown", "2",
    ]  # fmt: skip


def _welcome(port: str, embedded: bool) -> str:
    lines = ["", f"  Turnabout is at http://{HOST}:{port}/   (Ctrl-C stops it)"]
    if embedded:
        from queueapp.demo import ACCOUNTS

        lines += ["", "  Demo accounts:"]
        lines += [f"    {name:<6} password {password}   {what}" for name, password, what in ACCOUNTS]
    else:
        lines += ["", "  Make an account with: .venv/bin/python manage.py createsuperuser"]
    return "\n".join([*lines, ""])


def say(text: str) -> None:
    """Tell the person at the terminal."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
