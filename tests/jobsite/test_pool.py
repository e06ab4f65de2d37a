"""The connection pool of the web servers."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy

import pytest
from django.db import connection

from jobsite import database
from jobsite.postgresql.base import DatabaseWrapper

SIZE = 8


@pytest.fixture
def pooled(monkeypatch: pytest.MonkeyPatch, db: None) -> Iterator[DatabaseWrapper]:
    """A connection of a web server, with a pool."""
    config = deepcopy(connection.settings_dict)
    monkeypatch.setenv("DATABASE_POOL", str(SIZE))
    database._pool(config)
    wrapper = DatabaseWrapper(config, "pooled")
    wrapper.pool.open()
    yield wrapper
    wrapper.close()
    wrapper.close_pool()


def cut(wrapper: DatabaseWrapper) -> None:
    """End all sessions of the pool while they are idle, as a restart of the server does."""
    idle = [wrapper.pool.getconn() for _ in range(SIZE)]
    pids = [session.info.backend_pid for session in idle]
    for session in idle:
        wrapper.pool.putconn(session)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pid, 5000) FROM unnest(%s) AS pid", [pids])


def one(wrapper: DatabaseWrapper) -> int:
    with wrapper.cursor() as cursor:
        cursor.execute("SELECT 1")
        (found,) = cursor.fetchone()
        return int(found)


def test_the_first_request_after_a_restart_of_the_server_is_served(pooled: DatabaseWrapper) -> None:
    cut(pooled)
    assert one(pooled) == 1


def test_many_requests_at_once_after_a_restart_are_all_served(pooled: DatabaseWrapper) -> None:
    cut(pooled)

    def ask(_: int) -> int:
        wrapper = DatabaseWrapper(pooled.settings_dict, pooled.alias)
        try:
            return one(wrapper)
        finally:
            wrapper.close()

    with ThreadPoolExecutor(3 * SIZE) as threads:
        assert list(threads.map(ask, range(10 * SIZE))) == [1] * 10 * SIZE
    assert one(pooled) == 1
