"""Completions in the order of their numbers, none left out, whoever commits first."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from queueapp.db.routines import versioned
from queueapp.lifecycle.outcome import OUTCOMES, literal
from queueapp.lifecycle.processors import register
from queueapp.lifecycle.turn import Turn, take_turn
from queueapp.models import Outcome, Owner
from queueapp.snapshots import completions_after, last_number, stream_starts
from tests.kit.queue import (
    await_a_waiter,
    everyone_takes_turns,
    in_thread,
    make_owner,
    outcome,
    run_all,
    second_connection,
    settle,
    submit_jobs,
)

pytestmark = pytest.mark.usefixtures("no_rules")


def test_a_settlement_that_is_committed_late_is_told_in_its_place() -> None:
    """It drew the lower number; the reader who sees the higher one waits for it."""
    _, found = beside_a_late_settlement(lambda ada: completions_after({ada.pk: 0}), psycopg.Connection.commit)
    assert [completion.job["job_id"] for completion in found] == ["late", "early"]
    assert [completion.number for completion in found] == sorted(completion.number for completion in found)


def test_a_settlement_that_fails_late_leaves_nothing_behind() -> None:
    _, found = beside_a_late_settlement(lambda ada: completions_after({ada.pk: 0}), psycopg.Connection.rollback)
    assert [completion.job["job_id"] for completion in found] == ["early"]


def test_who_begins_after_the_last_number_has_seen_all_before_it() -> None:
    ada, last = beside_a_late_settlement(lambda ada: last_number(ada.pk), psycopg.Connection.commit)
    assert last == max(completion.number for completion in completions_after({ada.pk: 0}))
    assert completions_after({ada.pk: last}) == []


def test_a_stream_that_asks_for_a_number_that_is_gone_is_told_so_and_misses_nothing_that_is_there() -> None:
    ada, ben = make_owner("ada"), make_owner("ben")
    for user in (ada, ben):
        submit_jobs(user, "one", "two", "three")
        run_all(register("c").pk)
    one, two, three = (done.number for done in completions_after({ada.pk: 0}))
    assert stream_starts([(ada.pk, 0), (ada.pk, two), (ada.pk, None)]) == [(0, False), (two, False), (three, False)]
    Outcome.objects.filter(number__in=[one, two]).delete()  # pruned
    asked = [(ada.pk, one), (ada.pk, three), (ada.pk, 10**15), (ben.pk, one), (ben.pk, None)]
    last = last_number(ben.pk)
    assert stream_starts(asked) == [(one, True), (three, False), (three, True), (one, True), (last, False)]


def test_a_late_settlement_of_several_users_jobs_is_told_in_its_place_to_each() -> None:
    ada, ben = make_owner("ada"), make_owner("ben")
    for user in (ada, ben):
        submit_jobs(user, "late", duration=0.001)
    first, second = register("c").pk, register("c").pk
    late_turn = take_turn(first)
    assert {job.owner for job in late_turn.jobs} == {ada.pk, ben.pk}
    submit_jobs(ben, "early")
    with second_connection() as late, ThreadPoolExecutor(1) as pool:
        record(late, late_turn)
        settle(second, take_turn(second))
        reading = pool.submit(in_thread, lambda: completions_after({ben.pk: 0}))
        await_a_waiter(reading.done)
        late.commit()
        assert [completion.job["job_id"] for completion in reading.result()] == ["late", "early"]


def test_nobody_waits_for_settlements_of_others() -> None:
    """Neither those of other users, nor any where nothing is new."""
    ada, late_turn, *_ = two_turns()
    ben = make_owner("ben")
    with second_connection() as late:
        record(late, late_turn)
        assert completions_after({ada.pk: 0, ben.pk: 0}) == []
        late.commit()
    assert [completion.owner for completion in completions_after({ada.pk: 0, ben.pk: 0})] == [ada.pk]


def beside_a_late_settlement(
    read: Callable[[Owner], Any], end: Callable[[psycopg.Connection], None]
) -> tuple[Owner, Any]:
    """Ada, and what is read while "late" has drawn its number, and "early" the next one and is committed; the read has
    to wait until the late one is ended."""
    ada, late_turn, turn, processor = two_turns()
    with second_connection() as late, ThreadPoolExecutor(1) as pool:
        record(late, late_turn)
        settle(processor, turn)
        reading = pool.submit(in_thread, lambda: read(ada))
        await_a_waiter(reading.done)
        end(late)
        return ada, reading.result()


def two_turns() -> tuple[Owner, Turn, Turn, int]:
    """Ada, her turn with the job "late", her turn with the job "early", and the processor of the second."""
    everyone_takes_turns()
    ada = make_owner("ada")
    submit_jobs(ada, "late", "early")
    first, second = register("c").pk, register("c").pk
    return ada, take_turn(first), take_turn(second), second


def record(theirs: psycopg.Connection, turn: Turn) -> None:
    """Write that the jobs of a turn succeeded, on somebody else's connection, which has to commit."""
    outcomes = literal([outcome(job) for job in turn.jobs], time.monotonic())
    theirs.execute(versioned(f"SELECT queueapp_record(NULL, {OUTCOMES})"), [outcomes])
