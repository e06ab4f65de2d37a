"""How a message is sent: only to addresses that were checked, encrypted for the name, bounded."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from ipaddress import ip_network
from typing import Any

import httpcore
import pytest

from queueapp.notices import post as sending
from queueapp.notices.post import AddressRefused, post
from tests.kit.receiver import Receiver, receiver
from tests.kit.site import BASE

LOOPBACK = [ip_network("127.0.0.0/8")]
CERTIFICATE = BASE / "tests" / "kit" / "localhost.pem"


@pytest.fixture
def there() -> Iterator[Receiver]:
    with receiver() as running:
        yield running


@pytest.fixture
def encrypted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """A receiver that speaks https, with a certificate for localhost that this process trusts."""
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    sending._tls.cache_clear()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    with receiver(context) as running:
        yield running
    sending._tls.cache_clear()


def names(monkeypatch: pytest.MonkeyPatch, *answers: str) -> list[str]:
    """Make the resolver of this host give these addresses, one answer a question. Return the questions."""
    asked: list[str] = []

    def getaddrinfo(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        if host.replace(".", "").isdigit():  # an address is no question
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port))]
        asked.append(host)
        address = answers[min(len(asked), len(answers)) - 1]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


def test_a_name_that_leads_to_loopback_is_refused_when_it_connects(there: Receiver) -> None:
    for url in (there.url.replace("127.0.0.1", "localhost"), there.url, there.url.replace("http:", "https:")):
        with pytest.raises(AddressRefused):
            post(url, {}, "{}", [])
    assert there.messages.empty()


def test_a_name_is_asked_for_once_so_that_a_second_answer_leads_nowhere(
    there: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = names(monkeypatch, "127.0.0.1", "192.0.2.1")
    url = there.url.replace("127.0.0.1", "hook.example.org")
    assert post(url, {}, "{}", LOOPBACK).status == 204
    assert asked == ["hook.example.org"]
    assert there.next().headers["Host"].startswith("hook.example.org:")


def test_plain_http_goes_to_named_networks_only(there: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    names(monkeypatch, "8.8.8.8")
    with pytest.raises(AddressRefused):
        post("http://hook.example.org/", {}, "{}", LOOPBACK)


def test_tls_is_for_the_name_whatever_the_address(encrypted: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    assert post(encrypted.url, {}, "{}", LOOPBACK).status == 204
    names(monkeypatch, "127.0.0.1")
    with pytest.raises(httpcore.ConnectError, match="certificate"):
        post(encrypted.url.replace("localhost", "hook.example.org"), {}, "{}", LOOPBACK)
    assert encrypted.messages.qsize() == 1


def test_no_proxy_is_asked(there: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setitem(os.environ, name, "http://127.0.0.1:9")
    assert post(there.url, {}, "{}", LOOPBACK).status == 204


def test_of_an_answer_only_the_beginning_is_read(there: Receiver) -> None:
    def without_end(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        try:
            while True:
                handler.wfile.write(b"\x00\xff" * 500)
        except OSError:
            there.released.set()

    there.answers[:] = [without_end]
    assert len(post(there.url, {}, "{}", LOOPBACK).begins) == sending.ANSWER_BYTES
    assert there.released.wait(10), "the connection is closed"


def test_an_address_is_asked_for_to_its_last_character(there: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    names(monkeypatch, "127.0.0.1")
    url = there.url.replace("127.0.0.1", "[fd00::1]")
    assert post(f"{url};v=2?a=1;b", {}, "{}", LOOPBACK).status == 204
    got = there.next()
    assert got.path == "/hook;v=2?a=1;b"
    assert f"http://{got.headers['Host']}/hook" == url


@pytest.mark.parametrize("url", ["https://no-such-name.invalid/", f"https://{'a' * 70}.example/"])
def test_a_name_that_is_not_there_is_an_error_of_the_connection(url: str) -> None:
    with pytest.raises(httpcore.ConnectError, match="cannot be found"):
        post(url, {}, "{}", [])
