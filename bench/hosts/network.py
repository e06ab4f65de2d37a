"""Hosts in network namespaces of their own, joined by a bridge. Each has an address, and can be cut off in silence."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

CLONE_NEWNET = 0x40000000  # linux/sched.h
_libc = ctypes.CDLL(None, use_errno=True)


def missing() -> str:
    """Return what is missing for such hosts, in a sentence; empty if nothing is."""
    if os.geteuid() != 0:
        return "Start it as root: it makes network namespaces."
    if absent := [program for program in ("ip", "bridge", "nginx", "gcc", "openssl") if shutil.which(program) is None]:
        return f"Install {', '.join(absent)} (Debian: iproute2, nginx-light, gcc, openssl)."
    probe = f"turnabout-probe-{os.getpid()}"
    if subprocess.run(["ip", "netns", "add", probe], capture_output=True).returncode:
        return "Network namespaces are not allowed here."
    with suppress(subprocess.CalledProcessError):
        _ip("-n", probe, "link", "add", "bridge", "type", "bridge")
        _ip("netns", "del", probe)
        return ""
    _ip("netns", "del", probe)
    return "The kernel has no bridges between network namespaces."


class Network:
    """A bridge in a namespace of its own, and hosts on it. This process is a host, too, with the first address."""

    def __init__(self, hosts: Sequence[str]) -> None:
        self._mark = f"tb{os.getpid()}"
        self._net = f"10.78.{os.getpid() % 250}"
        self._hub = f"{self._mark}-hub"
        self._ports: dict[str, str] = {}
        self._made = [self._hub]
        _ip("netns", "add", self._hub)
        _ip("-n", self._hub, "link", "add", "bridge", "type", "bridge")
        _ip("-n", self._hub, "link", "set", "bridge", "up")
        self._join("here", 1, None)
        for number, host in enumerate(hosts, 2):
            _ip("netns", "add", self.namespace(host))
            self._made.append(self.namespace(host))
            self._join(host, number, self.namespace(host))
        self._numbers = {host: number for number, host in enumerate(hosts, 2)}

    def namespace(self, host: str) -> str:
        """Return the name of a host's namespace."""
        return f"{self._mark}-{host}"

    def address(self, host: str) -> str:
        """Return a host's address."""
        return f"{self._net}.{self._numbers[host]}"

    @property
    def range(self) -> str:
        """The addresses of all hosts."""
        return f"{self._net}.0/24"

    @contextmanager
    def inside(self, host: str) -> Iterator[None]:
        """Let the calling thread, and what it starts, be on this host."""
        before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        there = os.open(f"/run/netns/{self.namespace(host)}", os.O_RDONLY)
        try:
            _enter(there)
            yield
        finally:
            _enter(before)
            os.close(there)
            os.close(before)

    def cut(self, host: str) -> None:
        """Drop all packets from and to a host, in silence: its interface stays up, and nobody gets a reset."""
        self._set(host, "disabled")

    def mend(self, host: str) -> None:
        """Undo a cut."""
        self._set(host, "forwarding")

    def unplug(self, host: str) -> None:
        """Take a host's interface down, as if its cable was drawn."""
        _ip("-n", self.namespace(host), "link", "set", "eth0", "down")

    def plug(self, host: str) -> None:
        """Undo unplug()."""
        _ip("-n", self.namespace(host), "link", "set", "eth0", "up")

    def close(self) -> None:
        """Remove all that was made."""
        for namespace in self._made:
            _ip("netns", "del", namespace)

    def _set(self, host: str, state: str) -> None:
        number = {"disabled": "0", "forwarding": "3"}[state]
        command = ["bridge", "link", "set", "dev", self._ports[host], "state", number]
        subprocess.run(["ip", "netns", "exec", self._hub, *command], check=True)

    def _join(self, host: str, number: int, namespace: str | None) -> None:
        port, end = f"port{number}", f"{self._mark}h" if namespace is None else "eth0"
        self._ports[host] = port
        peer = ["peer", "name", end] + (["netns", namespace] if namespace else ["netns", str(os.getpid())])
        _ip("-n", self._hub, "link", "add", port, "type", "veth", *peer)
        _ip("-n", self._hub, "link", "set", port, "master", "bridge", "up")
        there = ["-n", namespace] if namespace else []
        _ip(*there, "address", "add", f"{self._net}.{number}/24", "dev", end)
        _ip(*there, "link", "set", end, "up")
        if namespace:
            _ip(*there, "link", "set", "lo", "up")


def _enter(namespace: int) -> None:
    if _libc.setns(namespace, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


def _ip(*command: str) -> None:
    subprocess.run(["ip", *command], check=True, capture_output=True)
