"""Sends one message to an address that a user has named: bounded in time and size, and never into private networks."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import httpcore

from ..policy.addresses import Address, Network, may_reach

CONNECT_SECONDS = 3.0
ANSWER_SECONDS = 10.0
"""Maximum seconds of each wait for the receiver. The time limit of the job bounds their sum."""
ADDRESSES = 2
"""Maximum number of addresses of one name that are tried."""
ANSWER_BYTES = 300
"""Maximum number of bytes of an answer that are read."""


class AddressRefused(Exception):
    """The name of the receiver has no address that this site may send to."""


@dataclass(frozen=True)
class Answer:
    """An answer: its status, and how its body begins."""

    status: int
    begins: str


class GuardedBackend(httpcore.NetworkBackend):
    """Connects to those addresses of a name that may be reached.

    A name is resolved once, and the address that was checked is the one that it connects to. Otherwise a name server
    could answer the check with one address and the connection with another (DNS rebinding). TLS still checks the name.
    """

    def __init__(self, networks: Sequence[Network], *, encrypted: bool) -> None:
        self._networks, self._encrypted = networks, encrypted
        self._backend = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Return a connection. Raises AddressRefused, and httpcore's ConnectError and ConnectTimeout."""
        allowed = [one for one in _resolve(host, port) if may_reach(one, self._networks, encrypted=self._encrypted)]
        if not allowed:
            raise AddressRefused(f"{host} leads to no address that this site sends to.")
        *others, last = (str(address) for address in allowed[:ADDRESSES])
        for address in others:
            with suppress(httpcore.ConnectError, httpcore.ConnectTimeout):
                return self._backend.connect_tcp(address, port, timeout, local_address, socket_options)
        return self._backend.connect_tcp(last, port, timeout, local_address, socket_options)


def post(url: str, headers: Mapping[bytes | str, bytes | str], body: str, networks: Sequence[Network]) -> Answer:
    """Return the answer to a message. Redirects are not followed, and no proxy is asked.

    Raises AddressRefused, and httpcore's errors and ssl.SSLError if no answer comes.
    """
    timeout = {"connect": CONNECT_SECONDS, "read": ANSWER_SECONDS, "write": ANSWER_SECONDS, "pool": CONNECT_SECONDS}
    backend = GuardedBackend(networks, encrypted=url.startswith("https://"))
    host, target = _target(url)
    with (
        httpcore.ConnectionPool(ssl_context=_tls(), network_backend=backend) as pool,
        pool.stream(
            "POST", target, headers={"Host": host, **headers}, content=body.encode(), extensions={"timeout": timeout}
        ) as response,
    ):
        begins = b""
        for part in response.iter_stream():
            begins += part
            if len(begins) >= ANSWER_BYTES:
                break
    return Answer(response.status, begins[:ANSWER_BYTES].decode(errors="replace"))


def _target(url: str) -> tuple[str, httpcore.URL]:
    """Return the header Host, and the address as httpcore takes it.

    By itself, httpcore would drop what follows a `;` in the last segment, and the brackets of an IPv6 address.
    """
    parts = urlsplit(url)
    target = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
    return parts.netloc, httpcore.URL(scheme=parts.scheme, host=parts.hostname or "", port=parts.port, target=target)


def _resolve(host: str, port: int) -> list[Address]:
    """Return the addresses of a name. Raises httpcore.ConnectError."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise httpcore.ConnectError(f"{host} cannot be found: {error}") from None
    return [ip_address(address[0]) for *_, address in found]


@lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()
