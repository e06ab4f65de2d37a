"""A real PgBouncer between the site and the database."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from configparser import ConfigParser
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from httpx_sse import connect_sse

from tests.kit.site import BASE, DEADLINE, Site, free_port


def _binary() -> str:
    found = subprocess.run(["sh", "tools/pgbouncer.sh"], cwd=BASE, capture_output=True, text=True)
    return found.stdout.strip() if found.returncode == 0 else ""


@contextmanager
def pooler(folder: Path, database_url: str, mode: str, **more: str) -> Iterator[str]:
    """A PgBouncer on loopback, as in deploy/ but for what is of this machine; the URL of the database through it."""
    binary = _binary()
    if not binary:
        pytest.skip("PgBouncer is not installed, and Debian's package cannot be had")
    server, port = urlsplit(database_url), free_port()
    sockets = parse_qs(server.query)["host"][0]
    owner = os.stat(sockets)
    configuration = Path(tempfile.mkdtemp(prefix="pgbouncer-")) / "pgbouncer.ini"
    configuration.parent.chmod(0o755)
    shipped = ConfigParser(interpolation=None)
    shipped.read(BASE / "deploy" / "pgbouncer" / "pgbouncer.ini")
    shipped["databases"] = {server.path[1:]: f"host={sockets} port=5432 user=postgres"}
    here = {
        "listen_addr": "127.0.0.1", "listen_port": str(port), "unix_socket_dir": "", "auth_type": "any",
        "pool_mode": mode, "default_pool_size": "8" if mode == "transaction" else "40", "max_client_conn": "200",
    }  # fmt: skip
    shipped["pgbouncer"].update(here | more)
    del shipped["pgbouncer"]["auth_file"]
    with configuration.open("w") as file:
        shipped.write(file)
    # As the server's account, which can open its socket and may have no name: PgBouncer refuses to run as root.
    account = {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []} if os.geteuid() == 0 else {}
    process = subprocess.Popen([binary, "-q", str(configuration)], cwd="/", **account)  # type: ignore[call-overload]
    try:
        _await(port)
        yield f"postgresql://postgres@127.0.0.1:{port}{server.path}"
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(configuration.parent)


def _await(port: int) -> None:
    deadline = time.monotonic() + DEADLINE
    while True:
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        assert time.monotonic() < deadline, "PgBouncer does not listen"
        time.sleep(0.02)


@pytest.fixture(scope="module")
def near() -> Site:
    """A database with the site's schema; nothing runs."""
    site = Site("turnabout_pooled", processors=2)
    site.start(cluster=False, web=False)
    return site


def said_at_start(site: Site, **environment: str) -> tuple[str, str]:
    """What the web server and the processors say who refuse to start."""
    web = site.refused("-c", "import jobsite.asgi", **environment)
    processors = site.refused("manage.py", "processors", **environment)
    return web, processors


@pytest.mark.parametrize("more", [{}, {"ignore_startup_parameters": "options"}])
def test_a_pooler_that_is_not_mentioned_stops_the_start_in_one_sentence(
    near: Site, tmp_path: Path, more: dict[str, str]
) -> None:
    with pooler(tmp_path, near.database_url, "transaction", **more) as url:
        for said in said_at_start(near, DATABASE_URL=url):
            assert "set DATABASE_POOLER=yes, and LISTEN_DATABASE_URL" in said
            assert len(said.strip().splitlines()) == 1


def test_listen_through_a_pooler_stops_the_start_in_one_sentence(near: Site, tmp_path: Path) -> None:
    with pooler(tmp_path, near.database_url, "transaction") as url:
        for environment in ({}, {"LISTEN_DATABASE_URL": url}):
            for said in said_at_start(near, DATABASE_URL=url, DATABASE_POOLER="yes", **environment):
                assert "set LISTEN_DATABASE_URL to a URL that goes to PostgreSQL directly" in said


@pytest.mark.parametrize("mode", ["transaction", "session"])
@pytest.mark.slow
def test_the_site_works_behind_a_pooler(near: Site, tmp_path: Path, mode: str) -> None:
    with pooler(tmp_path, near.database_url, mode) as url:
        direct = {"LISTEN_DATABASE_URL": near.database_url} if mode == "transaction" else {}
        site = Site("turnabout_pooled", processors=2, DATABASE_URL=url, DATABASE_POOLER="yes", **direct)
        site.start()
        try:
            site.user("pooled")
            client = site.client("pooled")
            with connect_sse(client, "GET", "events/", headers={"Last-Event-ID": "0"}) as stream:
                for number in range(40):
                    client.post("jobs/", json={"job_id": f"p{number}", "duration": 0.01}).raise_for_status()
                told: set[str] = set()
                for event in stream.iter_sse():
                    if event.event == "completed":
                        told.add(event.json()["job_id"])
                    if len(told) == 40:
                        break
            assert {job["status"] for job in client.get("jobs/").json()["results"]} == {"succeeded"}
            assert "All is well" in site.manage("audit")
            assert httpx.get(f"{site.url}/readyz").status_code == 200
        finally:
            site.stop()


def test_a_web_server_that_cannot_listen_past_the_pooler_is_not_ready(near: Site, tmp_path: Path) -> None:
    with pooler(tmp_path, near.database_url, "transaction") as url:
        nowhere = f"postgresql://postgres@127.0.0.1:{free_port()}/{urlsplit(url).path[1:]}"
        site = Site("turnabout_pooled", 2, DATABASE_URL=url, DATABASE_POOLER="yes", LISTEN_DATABASE_URL=nowhere)
        site.start_web()
        try:
            answer = httpx.get(f"{site.url}/readyz", timeout=30)
            assert (answer.status_code, answer.json()["detail"]) == (503, "PostgreSQL does not answer past the pooler.")
        finally:
            site.stop()
