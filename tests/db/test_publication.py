"""A database whose tables are published: how blue/green upgrades and change data capture begin."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import connection

from queueapp.lifecycle.cancel import cancel
from queueapp.lifecycle.maintenance.sweep import Sweeping
from queueapp.lifecycle.processors import heartbeat, register
from queueapp.lifecycle.rescue import rescue_cluster
from queueapp.lifecycle.turn import take_turn
from queueapp.models import Job, PriorityRule
from tests.kit.queue import everyone_takes_turns, make_user, run_all, submit_jobs

pytestmark = pytest.mark.usefixtures("no_rules")


@pytest.fixture
def published(no_rules: None) -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("CREATE PUBLICATION everything FOR ALL TABLES")
        yield
        cursor.execute("DROP PUBLICATION everything")


@pytest.mark.usefixtures("published")
def test_the_queue_works_on_while_all_tables_are_published() -> None:
    everyone_takes_turns()
    ada = make_user("ada")
    submit_jobs(ada, "a0", "a1", "a2")
    lost, processor = register("lost").pk, register("c").pk
    turn = take_turn(lost)
    heartbeat(lost, turn.number, elapsed=2.0)
    rescue_cluster("lost")
    cancel(Job.objects.get(name="a2"))
    PriorityRule.objects.update(weight=2)
    Sweeping().sweep()
    assert run_all(processor) == ["a0", "a1"]


@pytest.mark.usefixtures("transactional_db")
def test_every_table_has_a_replica_identity() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.oid::regclass::text FROM pg_class c WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
            " AND NOT EXISTS (SELECT FROM pg_index i WHERE indrelid = c.oid"
            "                  AND (relreplident = 'd' AND indisprimary OR relreplident = 'i' AND indisreplident))"
        )
        assert cursor.fetchall() == []
