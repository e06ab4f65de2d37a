"""The decisions in plain Python: which rule covers whom, and when a job will start."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from queueapp.policy.projection import Fleet, Standing, seconds_until_start, share_owed
from queueapp.policy.rules import COMMON, Rule, route

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
NOBODY: frozenset[int] = frozenset()


def key(rules: list[Rule], user: int = 1, groups: frozenset[int] = NOBODY) -> str:
    return route(user, groups, rules, NOW).key


class TestRoute:
    def test_no_rule_is_the_common_flow(self) -> None:
        assert route(1, NOBODY, [], NOW).key == COMMON
        assert key([Rule(5, users=frozenset({2}))]) == COMMON

    def test_the_first_rule_that_covers_decides(self) -> None:
        rules = [Rule(5, users=frozenset({2})), Rule(6, weight=3, cap=2), Rule(7)]
        found = route(1, NOBODY, rules, NOW)
        assert (found.key, found.rule, found.user, found.weight, found.cap) == ("rule:6:user:1", 6, 1, 3, 2)

    def test_by_group_or_by_user(self) -> None:
        rules = [Rule(5, users=frozenset({2}), groups=frozenset({9}))]
        assert key(rules, user=2) == "rule:5:user:2"
        assert key(rules, user=3, groups=frozenset({8, 9})) == "rule:5:user:3"
        assert key(rules, user=3, groups=frozenset({8})) == COMMON

    def test_together_all_covered_users_join_one_flow(self) -> None:
        rules = [Rule(5, together=True)]
        assert {key(rules, user) for user in (1, 2, 3)} == {"rule:5"}

    @pytest.mark.parametrize(
        ("begin", "end", "holds"),
        [
            (None, None, True),
            (NOW, None, True),
            (NOW + HOUR, None, False),
            (None, NOW, False),
            (None, NOW + HOUR, True),
            (NOW - HOUR, NOW - HOUR / 2, False),
        ],
    )
    def test_only_while_it_is_valid(self, begin: datetime | None, end: datetime | None, holds: bool) -> None:
        assert (key([Rule(5, valid_from=begin, valid_until=end)]) != COMMON) is holds


class TestProjection:
    busy = Fleet(processors=4, idle=0, next_free=2.0, flows=3, total_weight=5.0)

    def test_share_by_weight(self) -> None:
        assert share_owed(Standing(weight=1), self.busy) == pytest.approx(0.2)
        assert share_owed(Standing(weight=3), self.busy) == pytest.approx(0.6)

    def test_who_is_not_there_yet_is_counted_in(self) -> None:
        assert share_owed(Standing(weight=5, active=False), self.busy) == pytest.approx(0.5)
        assert share_owed(Standing(active=False), Fleet()) == 1

    def test_a_cap_limits_the_share(self) -> None:
        assert share_owed(Standing(weight=4, cap=1), self.busy) == pytest.approx(0.25)

    def test_nobody_works_nobody_can_tell(self) -> None:
        assert seconds_until_start(0, Standing(), Fleet()) is None

    def test_an_idle_processor_starts_the_first_at_once(self) -> None:
        assert seconds_until_start(0, Standing(), Fleet(processors=2, idle=1)) == 0

    def test_the_first_waits_for_the_next_free_processor(self) -> None:
        assert seconds_until_start(0, Standing(), self.busy) == 2.0

    def test_work_ahead_takes_its_share_of_the_processors(self) -> None:
        """100 s of work at 3/5 of four processors."""
        assert seconds_until_start(100, Standing(weight=3), self.busy) == pytest.approx(100 / (4 * 3 / 5))

    def test_who_is_ahead_of_the_others_waits_for_them(self) -> None:
        assert seconds_until_start(0, Standing(lead=8), self.busy) == pytest.approx(8 * 5 / 4)

    def test_a_cap_slows_down(self) -> None:
        assert seconds_until_start(100, Standing(weight=4, cap=1), self.busy) == pytest.approx(100)
        assert seconds_until_start(100, Standing(cap=1), Fleet(processors=4, flows=1, total_weight=1)) == 100
