"""Leases and the clocks that they are compared with."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from queueapp.conf import queue_settings
from queueapp.lifecycle.maintenance.sweep import Sweeping
from queueapp.lifecycle.processors import heartbeat, register
from queueapp.lifecycle.turn import take_turn
from queueapp.models import Processor, Waiting
from queueapp.snapshots import queue_snapshot
from tests.kit.queue import everyone_takes_turns, in_thread, make_owner, submit_jobs

pytestmark = pytest.mark.usefixtures("no_rules")


@contextmanager
def clock_to_be_set() -> Iterator[Any]:
    """The database's clock as this connection sees it; gives what sets it, by so many seconds."""
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE SCHEMA stepped; CREATE TABLE stepped.by AS SELECT 0.0 AS seconds;"
            "CREATE FUNCTION stepped.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS"
            " 'SELECT pg_catalog.clock_timestamp() + seconds * interval ''1 s'' FROM stepped.by';"
            "SET search_path = stepped, pg_catalog, public"
        )
        try:
            yield lambda seconds: cursor.execute("UPDATE stepped.by SET seconds = %s", [seconds])
        finally:
            cursor.execute("SET search_path = public; DROP SCHEMA stepped CASCADE")
    connection.close()


def two_at_work() -> tuple[int, int, int]:
    """A processor with a turn, the number of that turn, and another processor with one."""
    everyone_takes_turns()
    submit_jobs(make_owner("ada"), "a0", "a1")
    alive, dead = register("c").pk, register("c").pk
    turn = take_turn(alive)
    take_turn(dead)
    return alive, turn.number, dead


def at_work() -> set[int]:
    return set(Processor.objects.working().values_list("pk", flat=True))


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_host_whose_clock_is_off_takes_nobody_for_dead(hours: int, monkeypatch: pytest.MonkeyPatch) -> None:
    alive, _, other = two_at_work()
    now = timezone.now
    monkeypatch.setattr(timezone, "now", lambda: now() + timedelta(hours=hours))
    assert not Processor.objects.overdue().exists()
    assert set(Processor.objects.accepting().values_list("pk", flat=True)) == {alive, other}
    user = make_owner("bob")
    assert queue_snapshot(user)["processors"]["alive"] == 2
    Processor.objects.update(lease_until=now() - timedelta(seconds=1))
    assert Processor.objects.overdue().count() == 2
    assert not Processor.objects.alive().exists()


@pytest.mark.parametrize("seconds", [-3600, 3600])
def test_a_step_of_the_databases_clock_costs_the_living_nothing(seconds: int) -> None:
    """And the dead do not hold their jobs for longer by as much."""
    with clock_to_be_set() as set_clock:
        alive, turn, dead = two_at_work()
        sweeping = Sweeping()
        until_leases_are_judged(sweeping, alive, turn, dead)
        assert at_work() == {alive, dead}
        set_clock(seconds)
        sweeping.sweep()
        assert at_work() == {alive, dead}
        until_leases_are_judged(sweeping, alive, turn)
        sweeping.sweep()
        assert at_work() == {alive}


def until_leases_are_judged(sweeping: Sweeping, alive: int, turn: int, other: int | None = None) -> None:
    """Sweep, while `alive` and `other` give signs of life, until a lease that ran out would count."""
    give_up = time.monotonic() + 30
    while not sweeping._leases.may_judge():
        heartbeat(alive, turn)
        if other is not None:
            heartbeat(other, Processor.objects.get(pk=other).turn)
        sweeping.sweep()
        assert time.monotonic() < give_up


def test_whoever_could_not_reach_the_database_waits_for_signs_of_life(settings: Any) -> None:
    settings.QUEUEAPP = settings.QUEUEAPP | {"LEASE_SECONDS": 1.0, "HEARTBEAT_SECONDS": 0.3}
    alive, turn, dead = two_at_work()
    sweeping = Sweeping()
    until_leases_are_judged(sweeping, alive, turn, dead)
    time.sleep(queue_settings().LEASE_SECONDS + 0.1)  # the database is away: no heartbeat, no sweep
    sweeping.sweep()
    assert at_work() == {alive, dead}
    until_leases_are_judged(sweeping, alive, turn)
    sweeping.sweep()
    assert at_work() == {alive}


def test_sweeps_of_many_hosts_take_a_turn_back_once() -> None:
    everyone_takes_turns()
    submit_jobs(make_owner("ada"), "job")
    take_turn(register("c").pk)
    Processor.objects.update(lease_until=timezone.now() - timedelta(seconds=1))

    def host() -> None:
        sweeping = Sweeping()
        while at_work():
            sweeping.sweep()

    with ThreadPoolExecutor(3) as pool:
        for swept in [pool.submit(in_thread, host) for _ in range(3)]:
            swept.result(60)
    assert Waiting.objects.get().attempt == 2
    call_command("audit")
