"""Announcements: the first at once, further ones coalesced, none inside a transaction."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.db import connection, transaction

from queueapp.lifecycle import announce
from queueapp.lifecycle.announce import OWNERS, WORK, Announcer

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def listener() -> Iterator[psycopg.Connection[Any]]:
    """Another connection that listens."""
    parameters = connection.get_connection_params()
    for only_django in ("cursor_factory", "context", "prepare_threshold"):
        parameters.pop(only_django, None)
    with psycopg.connect(**parameters, autocommit=True) as listening:
        listening.execute(f"LISTEN {OWNERS}")
        listening.execute(f"LISTEN {WORK}")
        yield listening


def heard(listener: psycopg.Connection[Any], many: int) -> list[tuple[str, str]]:
    """The next announcements; fewer where they do not come within five seconds."""
    return [(notice.channel, notice.payload) for notice in listener.notifies(timeout=5, stop_after=many)]


def test_the_first_goes_at_once_and_what_follows_goes_together(listener: psycopg.Connection[Any]) -> None:
    announcer = Announcer()
    announcer.add([3], work=True)
    assert heard(listener, 2) == [(WORK, ""), (OWNERS, "3")]
    begin = time.monotonic()
    for owner in (9, 7, 9, 8):
        announcer.add([owner], work=False)
    assert heard(listener, 1) == [(OWNERS, "7,8,9")]
    assert time.monotonic() - begin >= announce.INTERVAL / 2
    announcer.close()


def test_nothing_is_said_of_what_is_not_committed(
    listener: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(announce, "announcer", Announcer())
    with transaction.atomic():
        announce.announce([1], work=True)
        transaction.set_rollback(True)
    with transaction.atomic():
        announce.announce([2])
    assert heard(listener, 1) == [(OWNERS, "2")]


def test_more_users_than_one_payload_holds(listener: psycopg.Connection[Any]) -> None:
    announcer = Announcer()
    announcer.add(range(10**9, 10**9 + 1500), work=False)
    told = [payload.split(",") for _, payload in heard(listener, 3)]
    assert [len(payload) for payload in told] == [700, 700, 100]
