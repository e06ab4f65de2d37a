"""Child processes of `make run`. They start with it, and stop when it ends, even by kill -9."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

from jobsite import env, local, parent

POLL_SECONDS = 0.1
STOP_SECONDS = 10.0
"""Seconds that all children together have to stop, beside the processors' grace for running jobs."""


class Children:
    """Children of this process, each in its own process group: a terminal's signals reach this process only."""

    def __init__(self, lock: int) -> None:
        """Take `lock`, the descriptor of the site's lock, which every child inherits.

        Raises ImproperlyConfigured if SHUTDOWN_GRACE_SECONDS is no number.
        """
        self._stop_seconds = STOP_SECONDS + env.integer("SHUTDOWN_GRACE_SECONDS", default=10, least=0)
        self.stopping = False
        self._lock = lock
        self._lasting: dict[str, subprocess.Popen[bytes]] = {}
        self._passing: list[subprocess.Popen[bytes]] = []

    def stop_soon(self, number: int, frame: FrameType | None) -> None:
        """Handle SIGINT, SIGTERM and SIGHUP. From now on another start waits instead of being refused."""
        self.stopping = True
        os.ftruncate(self._lock, 0)

    def start(self, name: str, *command: str) -> None:
        """Start a child that must run as long as this process."""
        self._lasting[name] = self._python(*command)

    def invite(self, *command: str) -> None:
        """Start a child that may end before this process."""
        self._passing.append(self._python(*command))

    def run(self, *command: str) -> str:
        """Run a child to its end and return its output. If it fails, exit with its code: it has printed the reason."""
        child = self._python(*command, stdout=subprocess.PIPE)
        printed, _ = child.communicate()
        if child.returncode:
            sys.exit(child.returncode)
        return printed.decode()

    def wait(self, until: Callable[[], bool] = lambda: False) -> str | None:
        """Wait until `until` holds or a signal comes. Return a sentence if a part of the site ends first, else None."""
        while not self.stopping and not until():
            for name, child in self._lasting.items():
                if (code := child.poll()) is not None:
                    return f"The {name} ended by itself (exit code {code}); stopping."
            if local.database_ended():
                return "The embedded database ended by itself; stopping."
            time.sleep(POLL_SECONDS)
        return None

    def stop(self) -> None:
        """Stop every child: send SIGTERM to all, and kill those that still run after the grace and STOP_SECONDS."""
        everyone = [*self._passing, *self._lasting.values()]
        for child in everyone:
            with suppress(ProcessLookupError):
                child.terminate()
        deadline = time.monotonic() + self._stop_seconds
        for child in everyone:
            try:
                child.wait(max(deadline - time.monotonic(), 0))
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()

    def _python(self, *command: str, stdout: int | None = None) -> subprocess.Popen[bytes]:
        inherited = [self._lock, *(use.fileno() for use in local.uses())]
        return subprocess.Popen(  # noqa: S603 (our own commands)
            [sys.executable, *command], cwd=local.BASE, stdin=subprocess.DEVNULL, stdout=stdout, pass_fds=inherited,
            process_group=0, preexec_fn=parent.ends_with_this(signal.SIGTERM),
        )  # fmt: skip
