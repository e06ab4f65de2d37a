"""How many processors there should be, and how they are dealt to clusters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queueapp.policy.autoscale import RESERVE, Bounds, Demand, deal, decide, horizon, needed

ROOM = Bounds(1, 100)


def demand(
    at: float = 0.0, queued: float = 0.0, due: float = 0.0, jobs: int = 1_000, running: float = 0.0, busy: int = 0
) -> Demand:
    return Demand(at, queued, due, jobs, running, busy)


class TestNeeded:
    def test_nothing_to_do_needs_nobody(self) -> None:
        assert needed([demand()]) == 0

    def test_of_the_target_a_second_and_a_half_go_until_a_processor_has_started(self) -> None:
        assert horizon(5.0) == 3.5
        assert horizon(1.0) == 0.5, "but never less than a start takes"

    def test_what_is_due_gets_its_processors_and_a_reserve(self) -> None:
        assert needed([demand(queued=56.0, due=16.0)]) == pytest.approx(16 + RESERVE * 4)

    def test_a_few_long_jobs_need_a_processor_each_and_no_more(self) -> None:
        """Four jobs of an hour came in a second ago: 14,400 s a second, which only four processors can work on."""
        burst = [demand(0.0), demand(1.0, queued=14_400.0, due=4.0, jobs=4)]
        assert needed(burst) == pytest.approx(4 + RESERVE * 2)

    def test_long_jobs_that_run_keep_their_processors(self) -> None:
        assert needed([demand(running=9.0, busy=9)]) == pytest.approx(9 + RESERVE * 3)

    def test_a_steady_stream_without_a_backlog_keeps_the_processors_that_it_takes(self) -> None:
        """Tiny jobs: at no moment is much due, yet sixteen processors are busy all the time."""
        steady = [demand(at, queued=0.5, running=0.1, busy=16) for at in range(11)]
        assert needed(steady) == pytest.approx(16 + RESERVE * 4)

    def test_a_backlog_that_grows_adds_to_what_is_worked(self) -> None:
        growing = [demand(at, queued=0.5 * at, busy=4) for at in range(11)]
        assert needed(growing) == pytest.approx(4.5 + RESERVE * 4.5**0.5)


class TestDecide:
    def test_up_at_once(self) -> None:
        decision = decide(2, 7.3, [1.0] * 60, ROOM)
        assert decision.wished == 8
        assert "7.3" in decision.reason

    def test_down_to_the_most_that_was_needed_in_the_window(self) -> None:
        assert decide(20, 1.0, [3.0, 11.2, 2.0], ROOM).wished == 12

    def test_a_difference_within_the_tolerance_changes_nothing(self) -> None:
        assert decide(50, 1.0, [45.5], ROOM).wished == 50
        assert decide(50, 1.0, [44.5], ROOM).wished == 45

    @pytest.mark.parametrize(("wished", "now"), [(0, 0.0), (100, 500.0), (300, 0.0), (2, 1e9)])
    def test_always_within_the_bounds(self, wished: int, now: float) -> None:
        bounds = Bounds(3, 9)
        assert bounds.minimum <= decide(wished, now, [], bounds).wished <= bounds.maximum

    def test_other_bounds_are_followed_at_once(self) -> None:
        assert decide(9, 9.0, [9.0], Bounds(1, 4)).wished == 4
        assert decide(2, 0.0, [0.0], Bounds(6, 9)).wished == 6


class TestDeal:
    def test_minimums_first_and_the_rest_by_capacity(self) -> None:
        assert deal(7, [Bounds(1, 5), Bounds(1, 17)]) == [2, 5]

    def test_fewer_than_the_minimums(self) -> None:
        assert sum(deal(3, [Bounds(4, 8), Bounds(4, 8)])) == 3

    @given(
        st.lists(st.tuples(st.integers(1, 20), st.integers(0, 40)).map(lambda b: Bounds(b[0], sum(b))), max_size=8),
        st.integers(0, 400),
    )
    def test_as_many_as_there_is_room_for_and_none_beyond_its_own(self, clusters: list[Bounds], wished: int) -> None:
        parts = deal(wished, clusters)
        assert sum(parts) == min(wished, sum(bounds.maximum for bounds in clusters))
        assert all(0 <= part <= bounds.maximum for part, bounds in zip(parts, clusters, strict=True))
        if wished >= sum(bounds.minimum for bounds in clusters):
            assert all(part >= bounds.minimum for part, bounds in zip(parts, clusters, strict=True))
