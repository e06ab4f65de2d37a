"""The embedded database: where it runs, as whom, who gets in, and when it ends."""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psutil
import psycopg
import pytest

from jobsite import embedded
from tests.kit.site import BASE

ROOT = os.geteuid() == 0
NOBODY = 65_534
DEADLINE = 30
USE = """
import sys
from pathlib import Path
from jobsite import local
print(local.start_database(Path(sys.argv[1])), flush=True)
sys.stdin.read()
"""
Start = Callable[..., "User"]


def nobody_may_run_python() -> bool:
    """Whether an ordinary account can run this Python, with the packages that it has here."""
    try:
        look = [sys.executable, "-c", "import psycopg, jobsite.local"]
        return (
            subprocess.run(look, cwd=BASE, user=NOBODY, group=NOBODY, extra_groups=[], capture_output=True).returncode
            == 0
        )
    except PermissionError:
        return False


class User:
    """A process that uses the database in a folder until it is told to end."""

    def __init__(self, folder: Path, account: int | None = None) -> None:
        self.folder = folder
        groups: list[int] | None = None if account is None else []
        self.process = subprocess.Popen(
            [sys.executable, "-c", USE, str(folder)], cwd=BASE, text=True, user=account, group=account,
            extra_groups=groups, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().strip()
        """Empty where the database did not start."""

    def said(self) -> str:
        """What it wrote to its standard error before it ended."""
        return self.process.communicate(timeout=DEADLINE)[1]

    def end(self) -> None:
        self.process.communicate(timeout=DEADLINE)
        assert self.process.returncode == 0

    def connect(self) -> psycopg.Connection[Any]:
        """A connection to the database."""
        assert self.url, self.said()
        return psycopg.connect(self.url)

    @property
    def sockets(self) -> Path:
        return Path(parse_qs(urlsplit(self.url).query)["host"][0])

    def server(self) -> psutil.Process:
        """The database server."""
        with self.connect() as connection:
            row = connection.execute("SELECT pg_backend_pid()").fetchone()
            assert row is not None
            found = psutil.Process(row[0]).parent()
        assert found is not None
        return found


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder below the temporary one that everybody can pass through."""
    path = Path(tempfile.mkdtemp(prefix="test-postgres-"))
    path.chmod(0o755)
    yield path
    for link in path.rglob("postgres"):
        if link.is_symlink():
            shutil.rmtree(link.resolve().parent, ignore_errors=True)
    shutil.rmtree(path)


@pytest.fixture
def use() -> Iterator[Start]:
    """Starts processes that use the database in a folder; what is left of them ends with the test."""
    started: list[User] = []

    def start(folder: Path, account: int | None = None) -> User:
        folder.mkdir(parents=True, exist_ok=True)
        if account is not None:
            os.chown(folder, account, account)
        started.append(User(folder, account))
        return started[-1]

    yield start
    for user in started:
        user.process.kill()
        user.process.communicate()
    for user in started:
        with (user.folder / "database.lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # until the server has stopped


def gone(*processes: psutil.Process) -> bool:
    """Whether all of them end within a while."""
    return not psutil.wait_procs(processes, timeout=DEADLINE)[1]


@pytest.mark.parametrize("name", ["a path with blanks", "it's 50% \"odd\", isn't it; $HOME\\", "ü" * 20, "long" * 30])
def test_the_data_may_lie_anywhere(home: Path, use: Start, name: str) -> None:
    user = use(home / name)
    with user.connect() as connection:
        assert connection.execute("SELECT upper('ä'), current_setting('data_directory')").fetchone() == (
            "Ä",
            str(home / name / "postgres"),
        )
    user.end()
    assert not user.sockets.exists()
    assert not (home / name / "database.sock").exists()


def test_it_runs_until_the_last_process_that_uses_it_has_gone(home: Path, use: Start) -> None:
    first, second = use(home), use(home)
    assert first.url == second.url
    server = first.server()
    first.end()
    assert server.is_running()
    assert second.server() == server
    second.end()
    assert not server.is_running(), "the last one waits until it has stopped"
    assert not (home / "postgres" / "postmaster.pid").exists()


def test_it_ends_after_the_last_process_was_killed(home: Path, use: Start) -> None:
    user = use(home)
    server = user.server()
    user.process.kill()
    assert gone(server)
    use(home).end()


def test_whoever_comes_while_it_stops_gets_a_server(home: Path, use: Start) -> None:
    for _ in range(5):
        user = use(home)
        assert user.process.stdin is not None
        user.process.stdin.close()  # it leaves, and we do not wait for that
        user.process.stdin = None
        with use(home).connect() as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)


def test_after_its_keeper_was_killed_it_ends_and_can_be_started_again(home: Path, use: Start) -> None:
    user = use(home)
    server = user.server()
    keeper = server.parent()
    assert keeper is not None
    keeper.kill()
    assert gone(server)
    use(home).connect().close()
    assert not user.sockets.exists()


def test_a_number_that_another_program_has_by_now_is_no_server(home: Path, use: Start) -> None:
    user = use(home)
    lines = (home / "postgres" / "postmaster.pid").read_text().splitlines()
    user.end()
    lines[0] = str(os.getpid())
    (home / "postgres" / "postmaster.pid").write_text("\n".join(lines))
    use(home).connect().close()


def test_two_folders_have_two_servers(home: Path, use: Start) -> None:
    one, other = use(home / "one"), use(home / "other")
    assert one.server() != other.server()
    one.end()
    other.connect().close()


def test_data_without_its_version_is_refused_in_a_sentence_that_says_what_to_set(home: Path, use: Start) -> None:
    used = use(home)
    used.server()
    used.end()
    with (home / "database.lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # until the server has stopped
    (home / "postgres" / "PG_VERSION").unlink()
    said = use(home).said()
    assert "PG_VERSION" in said
    assert "set VAR_DIR to another folder" in said


def test_its_files_are_closed_to_others(home: Path, use: Start) -> None:
    user = use(home)
    owner = user.server().uids().real
    assert owner == os.geteuid() if not ROOT else owner not in {0, NOBODY}
    for folder in (user.sockets, home / "postgres"):
        assert (folder.stat().st_uid, stat.S_IMODE(folder.stat().st_mode)) == (owner, 0o700)
    assert not stat.S_IMODE((home / "database.sock").stat().st_mode) & 0o077
    assert not stat.S_IMODE((home / "postgres.log").stat().st_mode) & 0o077
    with user.connect() as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)


@pytest.mark.skipif(not ROOT, reason="only root can be another account, too")
class TestAsRoot:
    def test_closed_folders_stay_closed_and_no_account_is_made(self, home: Path, use: Start) -> None:
        accounts = Path("/etc/passwd").read_bytes()
        closed = home / "private"
        closed.mkdir(mode=0o700)
        user = use(closed / "var")
        user.connect().close()
        assert stat.S_IMODE(closed.stat().st_mode) == 0o700
        assert Path("/etc/passwd").read_bytes() == accounts
        data = (closed / "var" / "postgres").resolve()
        assert data.is_relative_to(embedded.SHELTER)
        user.end()
        again = use(closed / "var")
        assert (closed / "var" / "postgres").resolve() == data
        again.end()

    def test_data_whose_folder_was_closed_since_moves_to_where_its_account_can_go(self, home: Path, use: Start) -> None:
        user = use(home / "var")
        with user.connect() as connection:
            connection.execute("CREATE TABLE kept ()")
        user.end()
        home.chmod(0o700)
        with use(home / "var").connect() as connection:
            connection.execute("SELECT FROM kept")

    def test_programs_in_a_closed_folder_are_copied(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        spec = find_spec(embedded.PACKAGE)
        assert spec is not None
        assert spec.submodule_search_locations is not None
        (package,) = spec.submodule_search_locations
        closed = home / "closed"
        closed.mkdir(mode=0o700)
        for name in (embedded.PACKAGE, f"{embedded.PACKAGE}.libs"):
            shutil.copytree(Path(package).parent / name, closed / name)
        theirs = ModuleSpec(embedded.PACKAGE, None)
        theirs.submodule_search_locations = [str(closed / embedded.PACKAGE)]
        monkeypatch.setattr(embedded, "find_spec", lambda name: theirs)
        monkeypatch.setattr(embedded, "SHELTER", home / "shelter")
        (home / "var").mkdir()
        server = embedded.Postgres(home / "var")
        server.prepare()
        server.start()
        assert server.process is not None
        assert Path(psutil.Process(server.process.pid).exe()).is_relative_to(home / "shelter")
        assert server.stop()
        server.remove_sockets()
        assert stat.S_IMODE(closed.stat().st_mode) == 0o700

    @pytest.mark.skipif(
        not ROOT or not nobody_may_run_python(), reason="Python is in a folder that is closed to others"
    )
    def test_an_ordinary_account_runs_its_own_beside_and_may_not_use_roots(self, home: Path, use: Start) -> None:
        theirs, ours = use(home / "theirs", NOBODY), use(home / "ours")
        assert theirs.server().uids().real == NOBODY
        assert ours.server() != theirs.server()
        look = [sys.executable, "-c", "import sys, psycopg; psycopg.connect(sys.argv[1])", ours.url]
        done = subprocess.run(look, capture_output=True, text=True, user=NOBODY, group=NOBODY, extra_groups=[])
        assert "Permission denied" in done.stderr
        ours.end()
        (home / "ours").chmod(0o777)
        refused = User(home / "ours", NOBODY)
        assert "start as the account that it belongs to" in refused.said()
        theirs.end()
