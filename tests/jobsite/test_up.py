"""`make run`, as its user sees it: one command, one address, one Ctrl-C."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg
import pytest

from jobsite import local
from jobsite.embedded import url
from tests.kit.site import BASE, free_port

SETTINGS = {"DATABASE_URL", "SECRET_KEY", "ALLOWED_HOSTS", "HTTPS", "CHECKSUM_FOLDER", "DJANGO_SETTINGS_MODULE"}
DEADLINE = 30
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
_started: list[subprocess.Popen[str]] = []


@contextmanager
def var_folder(name: str) -> Iterator[Path]:
    """A var/ folder, empty at first. What was started in it is stopped at the end."""
    path = BASE / "var" / name
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    try:
        yield path
    finally:
        run_module("jobsite.down", folder=path)
        for process in _started:
            process.wait(DEADLINE)
        _started.clear()
        shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A var/ folder of its own, empty at first."""
    with var_folder("test-up") as path:
        yield path


@pytest.fixture(scope="module")
def before() -> Iterator[Path]:
    """A var/ folder as a first start leaves it."""
    with var_folder("test-up-before") as path:
        process = start(path, free_port())
        read_until(process, "admin")
        process.terminate()
        process.communicate(timeout=DEADLINE)
        yield path


@pytest.fixture
def used(folder: Path, before: Path) -> Path:
    """A var/ folder of its own, in which the site ran before."""
    subprocess.run(["cp", "-a", f"{before}/.", folder], check=True)
    return folder


def environment(folder: Path, **settings: str) -> dict[str, str]:
    """That of a person who has configured nothing but this."""
    plain = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    return plain | {"VAR_DIR": str(folder), "PROCESSORS": "2"} | settings


def start(folder: Path, port: int | str, *below: str, **settings: str) -> subprocess.Popen[str]:
    """The command, in a session of its own as a terminal has it; `below`: a program that starts it in its turn."""
    process = subprocess.Popen(
        [*below, sys.executable, "-m", "jobsite.up", *(["--end-with-parent"] * bool(below))], cwd=BASE,
        env=environment(folder, PORT=str(port), **settings), text=True, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    _started.append(process)
    return process


def run_module(*command: str, folder: Path) -> str:
    """What Python prints that runs this module."""
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=BASE, env=environment(folder), capture_output=True, text=True, timeout=60
    )
    return done.stdout + done.stderr


def read_until(process: subprocess.Popen[str], words: str) -> str:
    """What the command prints up to the line with these words."""
    assert process.stdout is not None
    seen = ""
    for line in process.stdout:
        seen += line
        if words in line:
            return seen
    raise AssertionError(f"{words!r} was never printed:\n{seen}")


def of_session(session: int) -> list[psutil.Process]:
    """The processes that the command has started, and itself; the database's keeper has a session of its own."""
    found = []
    for process in psutil.process_iter():
        try:
            if os.getsid(process.pid) == session and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (ProcessLookupError, psutil.NoSuchProcess):
            continue
    return found


def database_of(folder: Path) -> psutil.Process:
    """The database server of the site that runs in this folder."""
    return psutil.Process(int((folder / "postgres" / "postmaster.pid").read_text().split()[0]))


def connect(folder: Path) -> psycopg.Connection[Any]:
    """A connection to that database, which does not keep it running."""
    sockets = (folder / "postgres" / "postmaster.pid").read_text().splitlines()[4]
    return psycopg.connect(url(local.DATABASE, sockets))


def assert_all_end(*processes: psutil.Process) -> None:
    assert psutil.wait_procs(processes, timeout=DEADLINE)[1] == []


@contextmanager
def log_in(port: int, user: str) -> Iterator[httpx.Client]:
    """A client of this demo account."""
    with httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1/", timeout=30) as client:
        client.headers["Authorization"] = f"Bearer {token_of(client, user).json()['access']}"
        yield client


def token_of(client: httpx.Client, user: str) -> httpx.Response:
    return client.post("token/", json={"username": user, "password": "turnabout"})


def test_the_site_comes_up_runs_jobs_stops_and_finds_its_data_again(folder: Path) -> None:
    port = free_port()
    process = start(folder, port)
    printed = read_until(process, "admin")
    assert f"http://127.0.0.1:{port}/" in printed
    assert "alice" in printed
    with log_in(port, "alice") as client:  # at once: the address is printed when it answers
        assert client.post("jobs/", json={"job_id": "kept", "duration": 0.1}).status_code == 201
    os.killpg(process.pid, signal.SIGINT)  # Ctrl-C reaches the whole group
    assert read_until(process, "Stopped.")
    assert process.wait(DEADLINE) == 0
    assert of_session(process.pid) == []
    assert not (folder / "postgres" / "postmaster.pid").exists()

    process = start(folder, port)
    read_until(process, "admin")
    with log_in(port, "alice") as client:
        assert client.get("jobs/kept/").status_code == 200
    process.terminate()
    read_until(process, "Stopped.")
    assert process.wait(DEADLINE) == 0
    assert of_session(process.pid) == []
    assert not (folder / "postgres" / "postmaster.pid").exists()


def test_a_second_start_says_where_the_first_is_and_make_stop_stops_it(used: Path) -> None:
    port = free_port()
    first = start(used, port)
    read_until(first, "admin")
    second = start(used, free_port())
    assert second.communicate(timeout=DEADLINE)[0] == (
        f"The site runs already at http://127.0.0.1:{port}/ (process {first.pid}); stop it with: make stop\n"
    )
    everything = [*of_session(first.pid), database_of(used)]
    assert run_module("jobsite.down", folder=used) == "Stopped.\n"
    assert read_until(first, "Stopped.")
    assert_all_end(*everything)
    assert run_module("jobsite.down", folder=used) == "No site runs here.\n"


@pytest.mark.parametrize("end", ["the terminal closes", "kill -9", "kill -9 of make", "kill -9 of the database"])
def test_nothing_stays_behind_however_it_ends(used: Path, end: str) -> None:
    make = [sys.executable, "-c", "import subprocess, sys; subprocess.run(sys.argv[1:])"]
    process = start(used, free_port(), *(make if end == "kill -9 of make" else []))
    read_until(process, "admin")
    everything = [*of_session(process.pid), database_of(used)]
    assert len(everything) >= 4
    if end == "the terminal closes":
        os.killpg(process.pid, signal.SIGHUP)
    elif end == "kill -9 of the database":
        database_of(used).kill()
        read_until(process, "The embedded database ended by itself; stopping.")
    else:
        process.kill()
    assert_all_end(*everything)
    assert of_session(process.pid) == []


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_start_waits_for_one_that_is_still_stopping(used: Path, number: signal.Signals) -> None:
    port = free_port()
    first = start(used, port)
    read_until(first, "admin")
    with log_in(port, "alice") as client:
        client.post("jobs/", json={"job_id": "long", "duration": 2})
    first.send_signal(number)  # the processors let the job end
    second = start(used, port)
    assert "waiting for it" in read_until(second, "admin")
    with log_in(port, "alice") as client:
        assert client.get("jobs/long/").status_code == 200


def test_a_demo_account_is_made_once_and_shut_where_anything_is_configured(used: Path) -> None:
    port = free_port()
    process = start(used, port)
    read_until(process, "admin")
    with connect(used) as connection:
        connection.execute(
            "CREATE TEMPORARY TABLE gone AS SELECT id FROM accounts_user WHERE username IN ('bob', 'admin');"
            "UPDATE queueapp_owner SET flow_id = NULL WHERE user_id IN (SELECT id FROM gone);"
            "DELETE FROM queueapp_flow USING queueapp_owner o"
            "      WHERE o.id = owner_id AND o.user_id IN (SELECT id FROM gone);"
            "DELETE FROM queueapp_owner WHERE user_id IN (SELECT id FROM gone);"
            "DELETE FROM accounts_user WHERE id IN (SELECT id FROM gone)"
        )
    process.terminate()
    process.communicate(timeout=DEADLINE)

    process = start(used, port)
    printed = read_until(process, "carol")
    assert "alice" in printed
    assert "bob" not in printed
    with httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1/", timeout=30) as client:
        assert token_of(client, "admin").status_code == 401
        assert token_of(client, "alice").status_code == 200
    process.terminate()
    process.communicate(timeout=DEADLINE)

    process = start(used, port, ALLOWED_HOSTS="queue.example.org,127.0.0.1")
    printed = read_until(process, "createsuperuser")
    assert "Shut the demo account alice: everybody knows its password." in printed
    assert "env -u ALLOWED_HOSTS .venv/bin/python manage.py createsuperuser" in printed
    with httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1/", timeout=30) as client:
        assert token_of(client, "alice").status_code == 401


def test_on_a_configured_site_no_demo_account_is_made(folder: Path) -> None:
    for name, value in {"ALLOWED_HOSTS": "queue.example.org", "SECRET_KEY": "0123456789" * 6, "HTTPS": "yes"}.items():
        process = start(folder, free_port(), **{name: value})
        assert "Demo" not in read_until(process, "createsuperuser"), name
        with connect(folder) as connection:
            assert connection.execute("SELECT count(*) FROM accounts_user").fetchone() == (0,), name
        process.terminate()
        process.communicate(timeout=DEADLINE)


def test_with_a_database_of_ones_own_none_is_started_and_no_demo_accounts_are_made(folder: Path) -> None:
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
    assert process.wait(DEADLINE) == 0
    assert not (folder / "postgres").exists()
    with psycopg.connect(own) as connection:
        assert connection.execute("SELECT count(*) FROM accounts_user").fetchone() == (0,)


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("PROCESSORS", "many", "Set PROCESSORS to a whole number from 1 to 512, or to bounds: 1-16, not 'many'."),
        ("EMAIL_URL", "mail.example.org", "Set EMAIL_URL to a mail server, such as smtp+tls://user:password@"),
        ("WEBHOOK_PRIVATE_NETWORKS", "10.0.0.1/8", "Set QUEUEAPP['WEBHOOK_PRIVATE_NETWORKS'] to a list of networks"),
        ("PROCESSORS", "0", "Set PROCESSORS to a whole number from 1 to 512, or to bounds: 1-16, not '0'."),
        ("DEBUG", "perhaps", "Set DEBUG to yes or no, not 'perhaps'."),
        ("DATABASE_URL", "sqlite:///x.db", "Set DATABASE_URL to a PostgreSQL database"),
        ("PORT", "abc", "Set PORT to a whole number from 1 to 65535, not 'abc'."),
        ("VAR_DIR", "/proc/nowhere", "set VAR_DIR to another folder"),
        ("PORT", "99999", "Set PORT to a whole number from 1 to 65535, not '99999'."),
    ],
)
def test_a_wrong_setting_stops_the_start_with_one_sentence(folder: Path, name: str, value: str, says: str) -> None:
    settings = {"DATABASE_URL": os.environ["DATABASE_URL"], "PORT": str(free_port())} | {name: value}
    process = start(folder, settings.pop("PORT"), **settings)
    printed, _ = process.communicate(timeout=60)
    assert process.returncode != 0
    assert says in printed
    assert "Traceback" not in printed
    assert "Turnabout is at" not in printed


def test_a_port_that_is_taken_stops_the_start_with_one_sentence(folder: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        process = start(folder, port)
        assert process.communicate(timeout=60)[0] == (
            f"Port {port} cannot be used (Address already in use); choose another one: make run PORT=8001\n"
        )
    assert process.returncode == 1
    assert not (folder / "postgres").exists()


@pytest.mark.parametrize("target", ["run", "demo", "test"])
def test_a_python_that_is_too_old_is_told_so_before_anything_is_installed(tmp_path: Path, target: str) -> None:
    place = tmp_path / "a path with blanks"
    place.mkdir()
    files = ["Makefile", "requirements.lock", "requirements-dev.lock"]
    for name in files:
        shutil.copy(BASE / name, place)
    old = tmp_path / "python3.10"
    as_old = "import sys; code = sys.argv.pop(); sys.version_info = (3, 10, 12); exec(code)"
    old.write_text(f"#!/bin/sh\n[ \"$1\" = -c ] || exit 7\nexec '{sys.executable}' -c '{as_old}' \"$2\"\n")
    old.chmod(0o755)
    for python in (str(old), "no-such-python"):
        done = subprocess.run(["make", target, f"PYTHON={python}"], cwd=place, capture_output=True, text=True)
        assert done.returncode == 2
        assert f"Python 3.11 or newer is needed, and {python} is not" in done.stderr
        assert len(done.stderr.splitlines()) == 2, "the sentence, and make's own"
        assert {path.name for path in place.iterdir()} == set(files)
