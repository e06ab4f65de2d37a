"""Whose queue is read next."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from queueapp.events.read_schedule import FIRST_SECONDS, SECONDS_PER_ROW, ReadSchedule

USERS = st.integers(1, 8)
STEPS = st.lists(st.tuples(USERS, st.integers(0, 100), st.floats(0, 1)), min_size=1, max_size=60)


def interval(rows: int) -> float:
    return FIRST_SECONDS + SECONDS_PER_ROW * rows


@given(STEPS)
def test_every_queue_is_read_once_for_its_changes_and_none_too_often(steps: list[tuple[int, int, float]]) -> None:
    schedule, now = ReadSchedule(), 0.0
    read: dict[int, tuple[float, int]] = {}
    changed_at: dict[int, float] = {}
    for user, rows, later in steps:
        now += later
        schedule.add([user], now)
        changed_at.setdefault(user, now)
        for taken in schedule.take(now, rows=3):
            at, before = read.get(taken, (-1e9, 0))
            assert now >= at + interval(before) - 1e-9, "too often"
            assert taken in changed_at, "nothing of it changed"
            del changed_at[taken]
            read[taken] = now, rows
            schedule.note(taken, now, rows)
    while changed_at:
        now += max(schedule.wait(now), 0.01)
        for taken in schedule.take(now, rows=3):
            del changed_at[taken]
            schedule.note(taken, now, 0)
    assert schedule.wait(now) == float("inf")
    assert schedule.take(now + 1e6, rows=100) == []


def test_small_queues_go_first_and_a_large_one_is_not_put_off_for_ever() -> None:
    schedule = ReadSchedule()
    schedule.note(1, 0.0, 100)
    schedule.add([1], 10.0)
    taken_at = None
    for step in range(1_000):
        now = 10.0 + step / 100
        schedule.add([2 + step], now)  # a small queue that has just changed, and one slice for it
        if 1 in schedule.take(now, rows=1):
            taken_at = now
            break
    assert taken_at is not None
    assert 10.5 < taken_at < 11.5


def test_a_queue_that_is_large_takes_a_slice_of_its_own() -> None:
    schedule = ReadSchedule()
    for user in (1, 2, 3):
        schedule.note(user, 0.0, 100)
    schedule.add([1, 2, 3], 10.0)
    assert [len(schedule.take(11.0, rows=150)) for _ in range(3)] == [2, 1, 0]


def test_it_says_how_late_it_is() -> None:
    schedule = ReadSchedule()
    schedule.add([1, 2], 10.0)
    assert schedule.wait(10.0) == 0.0
    assert schedule.take(14.0, rows=1) == [1]
    assert schedule.behind(14.0) == 4.0
    schedule.take(14.0, rows=1)
    assert schedule.behind(14.0) == 0.0


def test_a_user_who_is_forgotten_is_not_read_and_may_be_read_at_once_later() -> None:
    schedule = ReadSchedule()
    schedule.note(1, 10.0, 100)
    schedule.add([1], 10.0)
    schedule.forget(1)
    assert schedule.take(100.0, rows=10) == []
    schedule.note(1, 100.0, 100)
    schedule.forget(1)
    schedule.add([1], 100.0)
    assert schedule.take(100.0, rows=10) == [1]
