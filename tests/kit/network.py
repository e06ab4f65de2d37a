"""A network to the database that a test can cut: packets are then dropped silently."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from urllib.parse import parse_qs, urlsplit

from tests.kit.site import BASE, DEADLINE

PORT = 5432


def missing() -> str:
    """Return why such a network cannot be made here; empty if it can."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        return "needs root, and iproute2, for a network namespace"
    probe = f"turnabout-probe-{os.getpid()}"
    if subprocess.run(["ip", "netns", "add", probe], capture_output=True).returncode:
        return "network namespaces are not allowed here"
    subprocess.run(["ip", "netns", "del", probe], check=True)
    return ""


class Network:
    """The database server at its own address, in a network namespace."""

    def __init__(self, database_url: str) -> None:
        server = urlsplit(database_url)
        folder = parse_qs(server.query)["host"][0]
        self._name = f"turnabout-{os.getpid()}"
        number = os.getpid() % 250
        self._here, self._there = f"10.213.{number}.1", f"10.213.{number}.2"
        self.database_url = f"postgresql://{server.username}@{self._there}:{PORT}{server.path}"
        self._lay(f"tn{os.getpid()}")
        command = [sys.executable, "-m", "tests.kit.forward", self._there, str(PORT), f"{folder}/.s.PGSQL.5432"]
        self._forward = subprocess.Popen(["ip", "netns", "exec", self._name, *command], cwd=BASE)
        wait_until(self._answers, "the server answers there")

    def cut(self) -> None:
        """Drop all packets from the database's side from now on."""
        self._inside("route", "add", "blackhole", f"{self._here}/32")

    def mend(self) -> None:
        """Undo the cut."""
        self._inside("route", "del", "blackhole", f"{self._here}/32")

    def forget(self) -> None:
        """Make the database's side lose all connections, without this side's knowledge.

        Raises AssertionError if that takes longer than DEADLINE seconds.
        """
        wait_until(self._is_acknowledged, "all that was sent has arrived")
        self.cut()
        self._forward.send_signal(signal.SIGUSR1)
        wait_until(lambda: not self._connections(), "the other side has no connection")
        self.mend()

    def close(self) -> None:
        """Remove the network."""
        self._forward.kill()
        self._forward.wait()
        _ip("netns", "del", self._name)

    def _lay(self, wire: str) -> None:
        _ip("netns", "add", self._name)
        _ip("link", "add", f"{wire}a", "type", "veth", "peer", "name", f"{wire}b", "netns", self._name)
        _ip("address", "add", f"{self._here}/30", "dev", f"{wire}a")
        _ip("link", "set", f"{wire}a", "up")
        self._inside("address", "add", f"{self._there}/30", "dev", f"{wire}b")
        self._inside("link", "set", f"{wire}b", "up")

    def _inside(self, *command: str) -> None:
        _ip("-n", self._name, *command)

    def _is_acknowledged(self) -> bool:
        return all(line.split()[1] == "0" for line in self._connections())

    def _connections(self) -> list[str]:
        command = ["ip", "netns", "exec", self._name, "ss", "-Htn", "state", "established"]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()

    def _answers(self) -> bool:
        with suppress(OSError):
            socket.create_connection((self._there, PORT), timeout=1).close()
            return True
        return False


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Wait until a condition holds. Raises AssertionError, which names `what`, after DEADLINE seconds."""
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain until {what}"
        time.sleep(0.02)


def _ip(*command: str) -> None:
    subprocess.run(["ip", *command], check=True)
