"""The delays between attempts, and the last attempt."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queueapp.policy.backoff import gives_up, retry_delay


def test_the_delay_doubles_up_to_its_bound_and_begins_anew_with_a_new_row() -> None:
    delays = [retry_delay(attempt, 5, first=2.0, most=10.0, chance=0.0) for attempt in range(1, 8)]
    assert delays == [2.0, 4.0, 8.0, 10.0, 10.0, 2.0, 4.0]


@pytest.mark.parametrize(("attempt", "last"), [(1, False), (2, False), (3, True), (4, False), (6, True)])
def test_the_last_attempt_of_each_row_gives_up(attempt: int, last: bool) -> None:
    assert gives_up(attempt, 3) is last


@given(attempt=st.integers(1, 32_767), most_attempts=st.integers(1, 32_767), chance=st.floats(0, 1))
def test_no_delay_is_above_the_bound_nor_below_half_of_the_first(
    attempt: int, most_attempts: int, chance: float
) -> None:
    assert 1.0 <= retry_delay(attempt, most_attempts, first=2.0, most=600.0, chance=chance) <= 600.0
