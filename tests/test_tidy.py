"""Tidying: the order of the flows stays short, however many turns it has seen."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import connection
from django.db.models import F

from queueapp.lifecycle.tidy import MUCH, tidy
from queueapp.models import Flow
from tests.queue import ask, make_user


@pytest.fixture
def nobody_else_tidies(transactional_db: None) -> Iterator[None]:
    """PostgreSQL itself does not come by meanwhile."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE queueapp_flow SET (autovacuum_enabled = off)")
        yield
        cursor.execute("ALTER TABLE queueapp_flow RESET (autovacuum_enabled)")


@pytest.mark.usefixtures("nobody_else_tidies")
def test_who_is_next_is_found_at_once_however_many_turns_there_were() -> None:
    ask(make_user("ada"), "job")
    assert not tidy(), "nothing to do yet"
    change_places(MUCH + 100)
    assert pages_read() > 10
    assert tidy()
    assert pages_read() < 5
    assert not tidy()


def change_places(times: int) -> None:
    """As so many turns do, and have it counted."""
    for _ in range(times):
        Flow.objects.update(vtime=F("vtime") + 1)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")


def pages_read() -> int:
    """By a look at who is next, the second one: the first sees that entries are dead, and marks them."""
    query = "SELECT id FROM queueapp_flow WHERE ready ORDER BY vtime, head LIMIT 1"
    with connection.cursor() as cursor:
        cursor.execute("SET enable_seqscan = off")
        cursor.execute(query)
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {query}")
        plan = cursor.fetchone()[0][0]["Plan"]
        cursor.execute("RESET enable_seqscan")
        return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])
