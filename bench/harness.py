"""Shared code of all benches: databases on one server, worker processes, rounds, and tables of medians."""

from __future__ import annotations

import json
import math
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from types import TracebackType
from typing import IO, Any, TypeVar
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from jobsite import local

READY = "ready"
LOOK_EVERY = 0.2
START_DEADLINE = 30.0
STOP_DEADLINE = 15.0
RESULTS = local.BASE / "bench" / "results"
Case = TypeVar("Case")


class Server:
    """A PostgreSQL server on which benches make and drop their databases."""

    def __init__(self, url: str) -> None:
        self.url = url

    def fresh(self, name: str) -> str:
        """Make an empty database and return its URL. Drops an existing one of that name, with its connections."""
        self.drop(name)
        self._run(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return urlsplit(self.url)._replace(path=f"/{name}").geturl()

    def drop(self, name: str) -> None:
        """Drop the database if it exists, with its connections."""
        self._run(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def version(self) -> str:
        """Return the version of PostgreSQL."""
        with psycopg.connect(self.url) as connection:
            row = connection.execute("SHOW server_version").fetchone()
            return str(row[0]) if row else "?"

    def _run(self, statement: sql.Composed) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(statement)


def open_server() -> Server:
    """Return the server that DATABASE_URL names, else an embedded one under var/bench, which ends with this process."""
    if url := os.environ.get("DATABASE_URL"):
        return Server(url)
    folder = local.var_folder() / "bench"
    folder.mkdir(exist_ok=True)
    return Server(local.start_database(folder))


def use_database(url: str) -> None:
    """Set up Django with the benches' settings on the database at `url`, and migrate it.

    A process can use one URL only, since Django keeps the first. Call again after the database was made anew.
    """
    os.environ |= {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "bench.settings"}
    local.fill_rest()
    import django
    from django.core.management import call_command

    django.setup()
    from django.contrib.contenttypes.models import ContentType

    ContentType.objects.clear_cache()  # it may be that of an earlier run's database of the same name
    call_command("migrate", verbosity=0)


@contextmanager
def own_database(name: str) -> Iterator[tuple[Server, str]]:
    """Make a database that Django uses, and yield the server and its URL. Drops the database at the end."""
    server = open_server()
    url = server.fresh(name)
    try:
        use_database(url)
        yield server, url
    finally:
        from django.db import connections

        connections.close_all()
        server.drop(name)


def keep(name: str, text: str, figures: Any = None) -> None:
    """Write the results of a bench into bench/results: the text as it was printed, and the figures, if any, as JSON."""
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.txt").write_text(text.rstrip("\n") + "\n")
    if figures is not None:
        (RESULTS / f"{name}.json").write_text(json.dumps(figures, indent=1) + "\n")


def free_port() -> int:
    """Return a TCP port on loopback that nobody listens on."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Crew:
    """The processes of one run, as a context manager: it ends them on exit, after an exception too."""

    def __init__(self, **environment: str) -> None:
        self.environment = os.environ | environment
        self._processes: list[tuple[subprocess.Popen[str], IO[str]]] = []

    def __enter__(self) -> Crew:
        if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that they are ended then, too
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def start(self, *command: str) -> subprocess.Popen[str]:
        """Start a Python process with these arguments."""
        said = tempfile.TemporaryFile("w+")  # noqa: SIM115 (closed with the process)
        process = subprocess.Popen(
            [sys.executable, *command],
            cwd=local.BASE,
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
            start_new_session=True,  # Ctrl-C reaches the bench only, which then ends the processes in order
        )
        self._processes.append((process, said))
        return process

    def pids(self) -> list[int]:
        """Return the ids of the processes that were started, without those of their children."""
        return [process.pid for process, _ in self._processes]

    def start_together(self, many: int, *command: str) -> None:
        """Start several like processes, wait until all have printed READY, then tell them to go on.

        So none begins while others still load. Raises RuntimeError if one ends before it is ready.
        """
        started = [self.start(*command) for _ in range(many)]
        for process in started:
            assert process.stdout is not None
            if process.stdout.readline().strip() != READY:
                self.check(wait=START_DEADLINE)
        for process in started:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()

    def check(self, wait: float = 0.0) -> None:
        """Raises RuntimeError, with the end of its standard error, if a process has ended by itself.

        `wait`: seconds to wait for each process to end.
        """
        for process, said in self._processes:
            with suppress(subprocess.TimeoutExpired):
                process.wait(wait)
            if process.poll() is not None:
                said.seek(0)
                raise RuntimeError(f"{process.args!r} ended with {process.returncode}:\n{said.read()[-2000:]}")

    def wait(self, done: Callable[[], bool], limit: float) -> None:
        """Wait until `done` returns true, at most `limit` seconds. Raises RuntimeError if a process ends before."""
        deadline = time.monotonic() + limit
        while time.monotonic() < deadline and not done():
            self.check()
            time.sleep(LOOK_EVERY)

    def stop(self) -> None:
        """Send SIGTERM to all processes, wait until STOP_DEADLINE, then kill what is left of each process group."""
        for process, _ in self._processes:
            process.terminate()
        deadline = time.monotonic() + STOP_DEADLINE
        for process, said in self._processes:
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, deadline - time.monotonic()))
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            for pipe in (process.stdin, process.stdout, said):
                with suppress(OSError):
                    assert pipe is not None
                    pipe.close()
        self._processes.clear()


def in_turn(cases: Sequence[Case], rounds: int) -> Iterator[tuple[int, Case]]:
    """Yield (round, case): every case in each round. Rounds begin with different cases, to spread noise."""
    for number in range(rounds):
        shift = number % len(cases) if cases else 0
        for case in [*cases[shift:], *cases[:shift]]:
            yield number + 1, case


def middle(values: Sequence[float], digits: int = 2) -> str:
    """Return the median, with the range if there is more than one value and the median is finite."""
    median = statistics.median(values)
    if len(values) == 1 or math.isinf(median):
        return _number(median, digits)
    return f"{_number(median, digits)} ({_number(min(values), digits)}-{_number(max(values), digits)})"


def _number(value: float, digits: int) -> str:
    """Format a number, with one digit less from ten on."""
    if math.isnan(value):
        return "-"
    return "inf" if math.isinf(value) else f"{value:,.{max(digits - (value >= 10), 0)}f}"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a text table. The first column is aligned to the left, the others to the right."""
    widths = [max(len(row[column]) for row in [heads, *rows]) for column in range(len(heads))]
    lines = [heads, ["-" * width for width in widths], *rows]
    return "\n".join(
        "  ".join(cell.ljust(width) if not column else cell.rjust(width)
                  for column, (cell, width) in enumerate(zip(line, widths, strict=True))).rstrip()
        for line in lines
    )  # fmt: skip
