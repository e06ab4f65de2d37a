"""Tidying: the look for the next turn stays short, however many turns there were, and misses nobody."""

from __future__ import annotations

import time
from collections.abc import Iterator

import psycopg
import pytest
from django.db import connection
from django.db.models import F

from queueapp.db.routines import versioned
from queueapp.lifecycle.maintenance.vacuum import CLEAR_EVERY, MUCH, Tidying
from queueapp.lifecycle.processors import Beat, heartbeat, register
from queueapp.lifecycle.turn import take_turn
from queueapp.models import FlowState, Job, OrderStart
from tests.kit.queue import (
    PASS_ON,
    ask_uncommitted,
    everyone_takes_turns,
    make_owner,
    names,
    outcome,
    run_all,
    second_connection,
    settle,
    submit_jobs,
)


@pytest.fixture
def nobody_else_tidies(transactional_db: None) -> Iterator[None]:
    """PostgreSQL itself does not come by meanwhile."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE queueapp_flowstate SET (autovacuum_enabled = off)")
        yield
        cursor.execute("ALTER TABLE queueapp_flowstate RESET (autovacuum_enabled)")


@pytest.fixture
def other(no_rules: None) -> Iterator[psycopg.Connection]:
    """Somebody else's connection, in a transaction that has begun."""
    with second_connection() as theirs:
        theirs.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        theirs.execute("SELECT count(*) FROM queueapp_flowstate")
        yield theirs


@pytest.mark.usefixtures("nobody_else_tidies", "no_rules")
def test_who_is_next_is_found_at_once_however_many_turns_there_were() -> None:
    submit_jobs(make_owner("ada"), "job")
    assert not Tidying().tidy(), "nothing to do yet"
    change_places(MUCH + 100)
    assert pages_read() > 15
    assert Tidying().tidy()
    assert pages_read() < 10
    assert not Tidying().tidy()


@pytest.mark.usefixtures("nobody_else_tidies")
@pytest.mark.slow
def test_who_is_next_is_found_at_once_while_nothing_can_be_cleared_away(other: psycopg.Connection) -> None:
    submit_jobs(make_owner("ada"), "job")
    change_places(MUCH + 100)
    assert pages_read() > 15
    tidying = Tidying()
    assert tidying.tidy()
    assert pages_read() < 10
    change_places(3_000)
    walked = pages_read()
    assert walked > 10
    assert tidying.due < time.monotonic() + CLEAR_EVERY / 2, "not as seldom as it looks for what can be cleared away"
    assert tidying.tidy()
    assert pages_read() < walked / 2


def change_places(times: int) -> None:
    """As so many turns do, and have it counted."""
    for _ in range(times):
        FlowState.objects.update(vtime=F("vtime") + 1)
    with connection.cursor() as cursor:
        cursor.execute(PASS_ON)


def pages_read() -> int:
    """By a look at who is next, the second one: the first sees that entries are dead, and marks them."""
    with connection.cursor() as cursor:
        for _ in range(2):
            cursor.execute(versioned("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT queueapp_virtual_time()"))
        plan = cursor.fetchone()[0][0]["Plan"]
        return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


@pytest.mark.usefixtures("no_rules")
def test_a_flood_into_an_empty_table_is_known_to_the_planner_soon() -> None:
    """Statistics that were gathered before it was committed would have all jobs read, by a page that shows one."""
    ada = make_owner("ada")
    submit_jobs(ada, "early")
    run_all(register("c").pk)
    Job.objects.all().delete()
    with second_connection() as theirs:
        ask_uncommitted(theirs, ada, *[f"{n}" for n in range(5_000)])
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE queueapp_job")
        theirs.commit()
    assert jobs_by_statistics() == 0
    Tidying().tidy()
    assert jobs_by_statistics() >= 5_000


def jobs_by_statistics() -> int:
    """How many jobs the planner takes there to be."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT reltuples FROM pg_class WHERE oid = 'queueapp_job'::regclass AND relpages > 0")
        return int(cursor.fetchone()[0])


def move_order_start() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(versioned("SELECT queueapp_move_order_start(false)"))
        return bool(cursor.fetchone()[0])


@pytest.mark.usefixtures("no_rules")
def test_a_flow_whose_job_took_less_than_declared_is_not_lost_below_the_order_start() -> None:
    everyone_takes_turns()
    submit_jobs(make_owner("ada"), "long", "after", duration=100)
    submit_jobs(make_owner("bob"), *[f"b{n}" for n in range(20)], duration=1)
    first, second = register("c").pk, register("c").pk
    long = take_turn(first)
    assert names(long.jobs) == ["long"]
    assert run_all(second, limit=10) == [f"b{n}" for n in range(10)]
    assert heartbeat(first, long.number, elapsed=3.0) is Beat.GO_ON
    assert move_order_start()
    assert OrderStart.objects.get().vtime == pytest.approx(3, abs=0.1), "no less than the job is known to have cost"
    early = [outcome(job, 2.9) for job in long.jobs]
    following = take_turn(first, long.number, early, now=time.monotonic())
    assert names(following.jobs) == ["after"], "it is owed seven seconds"


def test_while_somebody_joins_the_order_the_order_start_does_not_pass_them(other: psycopg.Connection) -> None:
    everyone_takes_turns()
    ada, bob = make_owner("ada"), make_owner("bob")
    submit_jobs(ada, *[f"a{n}" for n in range(9)])
    submit_jobs(bob, "early")
    processor = register("c").pk
    run_all(processor, limit=4)
    other.rollback()
    ask_uncommitted(other, bob, "late")
    run_all(processor, limit=3)
    assert not move_order_start()
    other.commit()
    assert names(take_turn(processor).jobs) == ["late"]


@pytest.mark.usefixtures("no_rules")
def test_a_flow_with_another_weight_is_seen_again() -> None:
    """What it gets back for a job that took less is worth more then."""
    everyone_takes_turns()
    ada = make_owner("ada")
    submit_jobs(ada, "long", "after", duration=10)
    submit_jobs(make_owner("bob"), *[f"b{n}" for n in range(20)], duration=1)
    first, second = register("c").pk, register("c").pk
    long = take_turn(first)
    run_all(second, limit=5)
    assert move_order_start()
    with connection.cursor() as cursor:
        cursor.execute(versioned("SELECT queueapp_set_flow(%s, NULL, (0.1, NULL))"), [ada.flow_id])
    settle(first, long, 0.0)
    assert names(take_turn(first).jobs) == ["after"]
