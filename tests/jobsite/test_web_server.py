"""The web server as `make run` starts it: what it takes from anybody, whom it believes, and what probes are told."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import psutil
import psycopg
import pytest
from httpx_sse import connect_sse
from psycopg import sql

from jobsite.protocol import MAX_HEAD
from jobsite.up import web_server
from tests.kit.site import BASE, Site, free_port

HUGE = 100_000_000
PIECE = b"x" * 65_536
CHUNKED = b"POST / HTTP/1.1\r\nhost: 127.0.0.1\r\ntransfer-encoding: chunked\r\n\r\n"
Web = tuple[str, subprocess.Popen[bytes], Path]


@pytest.fixture
def web(site: Site) -> Iterator[Web]:
    """Its address, its process, and the file with what it says."""
    said = BASE / "var" / "test" / "web.log"
    port = free_port()
    environment = os.environ | {
        "DATABASE_URL": site.database_url, "DJANGO_SETTINGS_MODULE": "jobsite.settings", "LOGINS_PER_MINUTE": "3",
        "ALLOWED_HOSTS": "queue.example.org,127.0.0.1", "HTTPS": "no",
    }  # fmt: skip
    with said.open("wb") as log:
        process = subprocess.Popen([sys.executable, *web_server(port)], cwd=BASE, env=environment, stderr=log)
    site.until(lambda: _answers(port), "the web server answers")
    yield f"http://127.0.0.1:{port}", process, said
    process.terminate()
    process.wait(30)


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/healthz").status_code == 200
    except httpx.TransportError:
        return False


def test_two_web_processes_share_a_port_and_the_streams(site: Site) -> None:
    site.user("spread")
    port = free_port()
    command = [sys.executable, *web_server(port, shared=True)]
    processes = [subprocess.Popen(command, cwd=BASE, env=site.environment) for _ in range(2)]
    try:
        site.until(lambda: all(_listens(process) for process in processes), "both web processes listen")
        url, headers = f"http://127.0.0.1:{port}/api/v1/", dict(site.client("spread").headers)
        with ExitStack() as opened:
            streams = []
            for _ in range(20):
                client = opened.enter_context(httpx.Client(base_url=url, headers=headers, timeout=30))
                streams.append(opened.enter_context(connect_sse(client, "GET", "events/")).iter_sse())
            for events in streams:
                assert next(event for event in events if event.event == "queue")
            assert all(_streams(process) > 0 for process in processes)
            httpx.post(f"{url}jobs/", headers=headers, json={"job_id": "one", "duration": 0.01}).raise_for_status()
            for events in streams:
                assert next(event for event in events if event.event == "completed").json()["job_id"] == "one"
    finally:
        for process in processes:
            process.terminate()
            process.wait(30)


def _listens(process: subprocess.Popen[bytes]) -> bool:
    return any(one.status == psutil.CONN_LISTEN for one in psutil.Process(process.pid).net_connections("tcp"))


def _streams(process: subprocess.Popen[bytes]) -> int:
    connections = psutil.Process(process.pid).net_connections("tcp4")
    return sum(one.status == psutil.CONN_ESTABLISHED for one in connections)


def connect(address: str) -> socket.socket:
    url = httpx.URL(address)
    return socket.create_connection((url.host, url.port), timeout=30)


def sent_until_refused(connection: socket.socket, *pieces: bytes) -> int:
    """Bytes of these, the last one over and over, that the server took before it closed the connection; or HUGE."""
    sent = 0
    try:
        for piece in pieces:
            connection.sendall(piece)
        while sent < HUGE:
            connection.sendall(pieces[-1])
            sent += len(pieces[-1])
    except OSError:
        pass
    return sent


@pytest.mark.parametrize(
    "pieces",
    [
        (b"GET / HTTP/1.1\r\nhost: 127.0.0.1\r\nx: ", PIECE),
        (b"GET / HTTP/1.1\r\nhost: 127.0.0.1\r\n", b"x: 1\r\n" * 10_000),
        (b"GET / HTTP/1.1\r\nhost: 127.0.0.1\r\n", b"x" * 60_000),
        (b"GET /", PIECE),
        (PIECE,),
        (CHUNKED + b"0\r\nx: ", PIECE),
        (
            CHUNKED + b"1\r\nx\r\n0\r\n",
            b"x: 1\r\n" * 9_999,
        ),
        (CHUNKED + b"1;", PIECE),
    ],
    ids=["a value", "headers", "a name", "an address", "no request", "a trailer", "trailers", "a chunk's extension"],
)
def test_a_head_without_end_is_cut_off_and_not_kept(web: Web, pieces: tuple[bytes, ...]) -> None:
    address, process, _ = web
    before = psutil.Process(process.pid).memory_info().rss
    with connect(address) as connection:
        assert sent_until_refused(connection, *pieces) < HUGE
    assert psutil.Process(process.pid).memory_info().rss - before < 20_000_000
    assert httpx.get(f"{address}/healthz").status_code == 200


def test_heads_up_to_the_limit_are_taken_and_larger_ones_told_so(
    web: Web,
) -> None:
    address, _, said = web
    room = MAX_HEAD - 1_000
    with httpx.Client(base_url=address) as client:
        for _ in range(2):  # on one connection
            assert client.get("/login/", headers={"x": "y" * room}).status_code == 200
        assert client.post("/login/", content=b"x" * 200_000).status_code == 403
        assert client.get("/login/", headers={"x": "y" * MAX_HEAD}).status_code == 431
    assert "Traceback" not in said.read_text()


def test_a_websocket_handshake_is_a_plain_request_and_nothing_is_said(
    web: Web,
) -> None:
    address, _, said = web
    handshake = {
        "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }  # fmt: skip
    before = said.read_text()
    assert httpx.get(f"{address}/login/", headers=handshake).status_code == 200
    assert httpx.get(f"{address}/nowhere/", headers=handshake).status_code == 404
    assert "ebsocket" not in said.read_text().removeprefix(before).lower()
    assert "Traceback" not in said.read_text()


def test_whoever_says_to_come_from_elsewhere_is_not_believed(web: Web) -> None:
    address, _, _ = web
    wrong = {"username": "nobody", "password": "wrong"}
    answers = [
        httpx.post(f"{address}/api/v1/token/", json=wrong, headers={"X-Forwarded-For": f"192.0.2.{n}"}).status_code
        for n in range(4)
    ]
    assert answers == [401, 401, 401, 429]


def test_an_unknown_host_name_is_told_so_and_the_log_names_the_setting(
    web: Web,
) -> None:
    address, _, said = web
    answer = httpx.get(f"{address}/login/", headers={"host": "other.example.org"})
    assert answer.status_code == 400
    assert "does not answer to the host name" in answer.text
    assert "other.example.org" in said.read_text()
    assert "ALLOWED_HOSTS" in said.read_text()
    assert "Traceback" not in said.read_text()


def test_probes_are_answered_under_every_host_name(web: Web) -> None:
    for path in ("/healthz", "/readyz"):
        answer = httpx.get(f"{web[0]}{path}", headers={"host": "10.0.0.7"})
        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


@pytest.mark.parametrize("lack", ["database", "migrations"])
def test_a_site_without_its_database_is_alive_and_not_ready(site: Site, lack: str) -> None:
    port = free_port()
    server = os.environ["DATABASE_URL"]
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS turnabout_empty WITH (FORCE)"))
        connection.execute(sql.SQL("CREATE DATABASE turnabout_empty"))
    name = "turnabout_nowhere" if lack == "database" else "turnabout_empty"
    environment = os.environ | {
        "DATABASE_URL": server.replace("/turnabout?", f"/{name}?"), "DJANGO_SETTINGS_MODULE": "jobsite.settings",
        "HTTPS": "yes",
    }  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, *web_server(port)], cwd=BASE, env=environment, stderr=subprocess.DEVNULL
    )
    site.until(lambda: _answers(port), "the web server answers")
    answer = httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=60)
    assert answer.status_code == 503
    assert lack in answer.json()["detail"]
    process.terminate()
    process.wait(30)


def test_pages_answers_and_files_are_compressed_for_those_who_accept_it(site: Site) -> None:
    site.user("zippy")
    with site.client("zippy") as client:
        jobs = [{"job_id": f"z{n}", "duration": 1, "run_at": "2099-01-01T00:00:00Z"} for n in range(100)]
        assert client.post("jobs/bulk/", json={"jobs": jobs}).status_code == 201
        for path in ("jobs/", "queue/", "/static/queueapp/app.js", "/static/queueapp/app.js", "/login/"):
            address = f"{site.url}{path}" if path.startswith("/") else path
            packed = client.get(address, headers={"Accept-Encoding": "gzip"})
            plain = client.get(address, headers={"Accept-Encoding": "identity"})
            assert (packed.headers.get("content-encoding"), plain.headers.get("content-encoding")) == ("gzip", None)
            assert int(packed.headers["content-length"]) < int(plain.headers["content-length"]) / 2 + 200
            assert "accept-encoding" in packed.headers["vary"].lower()
            assert "accept-encoding" in plain.headers["vary"].lower()
            assert packed.headers["content-type"] == plain.headers["content-type"]
            assert len(packed.content) == len(plain.content)
        file = f"{site.url}/static/queueapp/app.js"
        gzip = {"Accept-Encoding": "gzip"}
        whole = client.get(file, headers=gzip)
        assert whole.text.startswith("// @ts-check")
        assert client.get(file, headers=gzip | {"If-None-Match": whole.headers["etag"]}).status_code == 304
        part = client.get(file, headers=gzip | {"Range": "bytes=0-11"})
        assert (part.status_code, part.content) == (206, b"// @ts-check")
        for accepted, coding in ((gzip, "gzip"), ({"Accept-Encoding": "identity"}, None)):
            with client.stream("GET", "events/", headers=accepted) as events:
                assert events.headers.get("content-encoding") == coding


def test_static_files_are_kept_for_a_year_under_addresses_that_change_with_them(site: Site) -> None:
    page = httpx.get(f"{site.url}/login/").text
    (address,) = re.findall(r'href="(/static/[0-9a-f]{16}/queueapp/app.css)"', page)
    with httpx.Client(base_url=site.url) as client:
        kept = client.get(address)
        assert (kept.status_code, kept.headers["cache-control"]) == (200, "max-age=31536000, public, immutable")
        plain = client.get("/static/queueapp/app.css")
        other = client.get(f"/static/{'0' * 16}/queueapp/app.css")
        assert plain.content == other.content == kept.content
        for answer in (plain, other):
            assert "immutable" not in answer.headers["cache-control"]
        for nothing in ("queueapp/nothing.css", "../../manage.py", "%2e%2e/%2e%2e/manage.py"):
            assert client.get(address.replace("queueapp/app.css", nothing)).status_code == 404
