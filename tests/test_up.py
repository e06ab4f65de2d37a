"""`make run`, as its user sees it: one command, one address, one Ctrl-C."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from tests.site import BASE, free_port

_started: list[subprocess.Popen[str]] = []


@pytest.fixture
def folder() -> Iterator[Path]:
    """A var/ folder of its own, empty at first."""
    path = BASE / "var" / "test-up"
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    yield path
    for process in _started:
        process.terminate()
        process.wait(30)
    _started.clear()
    shutil.rmtree(path, ignore_errors=True)


def start(folder: Path, port: int, **settings: str) -> subprocess.Popen[str]:
    """The command, in a process group of its own as a shell would start it."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if name
        not in {"DATABASE_URL", "SECRET_KEY", "ALLOWED_HOSTS", "HTTPS", "CHECKSUM_FOLDER", "DJANGO_SETTINGS_MODULE"}
    }
    environment |= {"VAR_DIR": str(folder), "PORT": str(port), "PROCESSORS": "2"} | settings
    process = subprocess.Popen(
        [sys.executable, "-m", "jobsite.up"], cwd=BASE, env=environment, text=True, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    _started.append(process)
    return process


def read_until(process: subprocess.Popen[str], words: str) -> str:
    """What the command prints up to the line with these words."""
    assert process.stdout is not None
    seen = ""
    for line in process.stdout:
        seen += line
        if words in line:
            return seen
    raise AssertionError(f"{words!r} was never printed:\n{seen}")


def of_group(group: int) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if os.getpgid(process.pid) == group and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (ProcessLookupError, psutil.NoSuchProcess):
            continue
    return found


@contextmanager
def log_in(port: int, user: str) -> Iterator[httpx.Client]:
    """A client of this demo account, once the server answers."""
    transport = httpx.HTTPTransport(retries=8)  # the address is printed a moment before the port is open
    with httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1/", transport=transport, timeout=30) as client:
        answer = client.post("token/", json={"username": user, "password": "turnabout"})
        client.headers["Authorization"] = f"Bearer {answer.json()['access']}"
        yield client


def test_the_site_comes_up_runs_jobs_stops_and_finds_its_data_again(folder: Path) -> None:
    port = free_port()
    process = start(folder, port)
    printed = read_until(process, "admin")
    assert f"http://127.0.0.1:{port}/" in printed
    assert "alice" in printed
    with log_in(port, "alice") as client:
        assert client.post("jobs/", json={"job_id": "kept", "duration": 0.1}).status_code == 201
    os.killpg(process.pid, signal.SIGINT)  # Ctrl-C reaches the whole group
    assert read_until(process, "Stopped.")
    assert process.wait(30) == 0
    assert of_group(process.pid) == []
    assert not (folder / "postgres" / "postmaster.pid").exists()

    process = start(folder, port)
    read_until(process, "admin")
    with log_in(port, "alice") as client:
        assert client.get("jobs/kept/").status_code == 200
    process.terminate()
    read_until(process, "Stopped.")
    assert process.wait(30) == 0
    assert of_group(process.pid) == []
    assert not (folder / "postgres" / "postmaster.pid").exists()


def test_with_a_database_of_ones_own_none_is_started_and_no_demo_accounts_are_made(folder: Path) -> None:
    import psycopg

    server = os.environ["DATABASE_URL"]
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS turnabout_own WITH (FORCE)")
        connection.execute("CREATE DATABASE turnabout_own")
    own = server.replace("/turnabout?", "/turnabout_own?")
    assert own != server
    process = start(folder, free_port(), DATABASE_URL=own)
    assert "createsuperuser" in read_until(process, "createsuperuser")
    process.terminate()
    read_until(process, "Stopped.")
    assert process.wait(30) == 0
    assert not (folder / "postgres").exists()
    with psycopg.connect(own) as connection:
        assert connection.execute("SELECT count(*) FROM queueapp_user").fetchone() == (0,)


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("PROCESSORS", "many", "Set PROCESSORS to a whole number from 1 to 512, not 'many'."),
        ("PROCESSORS", "0", "Set PROCESSORS to a whole number from 1 to 512, not '0'."),
        ("DEBUG", "perhaps", "Set DEBUG to yes or no, not 'perhaps'."),
        ("DATABASE_URL", "sqlite:///x.db", "Set DATABASE_URL to a PostgreSQL database"),
    ],
)
def test_a_wrong_setting_stops_the_start_with_one_sentence(folder: Path, name: str, value: str, says: str) -> None:
    process = start(folder, free_port(), **({"DATABASE_URL": os.environ["DATABASE_URL"]} | {name: value}))
    assert process.stdout is not None
    printed = process.stdout.read()
    assert process.wait(30) != 0
    assert says in printed
    assert "Traceback" not in printed
