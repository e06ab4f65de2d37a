"""The phases of the public harness that run on one machine without containers. Each is entered and left."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg

from bench.throughput.run import open_transaction

READERS = 4
KILLS_EVERY = 0.5
IDLE_CONNECTIONS = 60
HIGH = 1.5
"""The factor on the rate under high load."""
_OTHERS = (
    "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    " AND backend_type = 'client backend'"
)


@contextmanager
def clean(url: str) -> Iterator[None]:
    """Nothing happens beside the load."""
    yield


@contextmanager
def active_readers(url: str) -> Iterator[None]:
    """Sessions read whole tables, one scan after the other."""

    def read(connection: psycopg.Connection[Any]) -> None:
        connection.execute("SELECT count(*), sum(length(j.payload::text)) FROM queueapp_job j")

    with _at_work(url, READERS, read):
        yield


@contextmanager
def pg_backend_kill(url: str) -> Iterator[None]:
    """Two sessions a second are terminated, drawn at random."""
    chance, pause = random.Random(1), threading.Event()

    def kill(connection: psycopg.Connection[Any]) -> None:
        pause.wait(KILLS_EVERY)
        if pids := [pid for (pid,) in connection.execute(_OTHERS)]:
            connection.execute("SELECT pg_terminate_backend(%s)", [chance.choice(pids)])

    with _at_work(url, 1, kill):
        yield


@contextmanager
def pool_exhaustion(url: str) -> Iterator[None]:
    """Idle sessions take connections, as many as the server lets them have."""
    held = []
    try:
        with suppress(psycopg.OperationalError):
            held += [psycopg.connect(url, autocommit=True) for _ in range(IDLE_CONNECTIONS)]
        yield
    finally:
        for connection in held:
            connection.close()


PHASES: dict[str, Callable[[str], Any]] = {
    "clean": clean,
    "high-load": clean,
    "recovery": clean,
    "idle-in-tx": open_transaction,
    "active-readers": active_readers,
    "pg-backend-kill": pg_backend_kill,
    "pool-exhaustion": pool_exhaustion,
    "kill-worker": clean,
    "start-worker": clean,
}
"""Phases by name. What happens to the adapter itself is the runner's: it kills it, and starts it."""


@contextmanager
def _at_work(url: str, many: int, work: Callable[[psycopg.Connection[Any]], None]) -> Iterator[None]:
    """Do this work in so many threads, each with a session of its own, again and again."""
    over = threading.Event()

    def go_on() -> None:
        while not over.is_set():
            with suppress(psycopg.Error), psycopg.connect(url, autocommit=True) as connection:
                while not over.is_set():
                    work(connection)

    threads = [threading.Thread(target=go_on, daemon=True) for _ in range(many)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()
