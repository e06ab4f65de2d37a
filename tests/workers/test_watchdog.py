"""A cluster is stuck where work, a free processor and no claim last, and not for less."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from queueapp.lifecycle.processors import register
from queueapp.lifecycle.turn import take_turn
from queueapp.models import FlowState
from queueapp.workers import watchdog as module
from queueapp.workers.watchdog import Watchdog
from tests.kit.clock import StandingClock
from tests.kit.queue import await_a_waiter, in_thread, make_user, second_connection, settle, submit_jobs

pytestmark = pytest.mark.usefixtures("no_rules")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> StandingClock:
    found = StandingClock()
    monkeypatch.setattr(module, "time", found)
    return found


def after(clock: StandingClock, seconds: float, watchdog: Watchdog) -> bool:
    """Whether the cluster counts as stuck so many seconds later."""
    clock.now += seconds
    return watchdog.is_stuck("c")


def test_work_a_free_processor_and_no_claim_make_a_stuck_cluster(clock: StandingClock) -> None:
    watchdog = Watchdog()
    submit_jobs(make_user("ada"), "a")
    register("c")
    assert not watchdog.is_stuck("c")
    assert not after(clock, 1.5, watchdog)
    assert after(clock, 1.5, watchdog), "WATCHDOG_SECONDS are 2 in tests"


def test_a_claim_begins_the_time_anew(clock: StandingClock) -> None:
    watchdog, ada = Watchdog(), make_user("ada")
    submit_jobs(ada, "a", "b", "c")
    working = register("c").pk
    register("c")
    assert not watchdog.is_stuck("c")
    clock.now += 1.5
    take_turn(working)
    assert not after(clock, 1.0, watchdog)
    assert not after(clock, 1.5, watchdog)
    assert after(clock, 1.5, watchdog)


def test_without_work_or_with_all_at_work_nothing_is_stuck(clock: StandingClock) -> None:
    watchdog, ada = Watchdog(), make_user("ada")
    only = register("c").pk
    assert not watchdog.is_stuck("c")
    assert not after(clock, 60, watchdog), "nothing waits"
    submit_jobs(ada, "a", "b")
    turn = take_turn(only)
    assert not after(clock, 1.0, watchdog)
    assert not after(clock, 60, watchdog), "the one processor works"
    settle(only, turn)


def test_a_busy_host_has_twice_as_long_after_each_restart_until_there_is_a_claim(clock: StandingClock) -> None:
    watchdog, ada = Watchdog(), make_user("ada")
    submit_jobs(ada, "a", "b", "c")
    working = register("c").pk
    register("c")
    waited = []
    for _ in range(7):
        waited.append(watchdog.patience)
        assert not after(clock, 1.0, watchdog)
        assert not after(clock, watchdog.patience - 0.5, watchdog)
        assert after(clock, 1.0, watchdog)
        watchdog.restarted()
    assert waited == [2, 4, 8, 16, 32, 32, 32]
    assert not after(clock, 1.0, watchdog)
    take_turn(working)
    assert not after(clock, 1.0, watchdog)
    assert not after(clock, 1.5, watchdog)
    assert after(clock, 1.5, watchdog)


def test_what_is_no_claim_does_not_take_the_time_of_a_busy_host_back(clock: StandingClock) -> None:
    watchdog = Watchdog()
    submit_jobs(make_user("ada"), "a")
    register("c")
    assert not after(clock, 1.0, watchdog)
    watchdog.restarted()
    assert not after(clock, 1.0, watchdog)
    with second_connection() as holding, ThreadPoolExecutor(1) as pool:
        holding.execute("SELECT pg_advisory_xact_lock(1)")
        waiting = pool.submit(in_thread, lambda: connection.cursor().execute("SELECT pg_advisory_xact_lock(1)"))
        await_a_waiter(waiting.done)
        assert not after(clock, 60.0, watchdog), "a fresh cluster would wait, too"
        holding.commit()
        waiting.result()
    FlowState.objects.update(held=True)
    assert not after(clock, 60.0, watchdog), "others have the work"
    FlowState.objects.update(held=False)
    assert not after(clock, 1.0, watchdog)
    assert not after(clock, 3.5, watchdog)
    assert after(clock, 1.0, watchdog)
