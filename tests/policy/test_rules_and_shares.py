"""The decisions in plain Python: which rule covers whom, and when a job will start."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queueapp.policy.projection import CURVE_POINTS, Capped, Fleet, Projection, Standing, share_owed
from queueapp.policy.rules import COMMON, Route, Rule, Subject, Terms, route

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
NOBODY: frozenset[int] = frozenset()


def key(rules: list[Rule], user: int = 1, groups: frozenset[int] = NOBODY) -> str:
    """The flow of the jobs of user 1, who is owner 101, and so on."""
    return route(100 + user, Subject(user, groups), rules, NOW).key


class TestRoute:
    def test_no_rule_is_the_common_flow(self) -> None:
        assert route(101, Subject(1), [], NOW).key == COMMON
        assert key([Rule(5, users=frozenset({2}))]) == COMMON

    def test_the_first_rule_that_covers_decides(self) -> None:
        rules = [Rule(5, users=frozenset({2})), Rule(6, Terms(3, 2)), Rule(7)]
        found = route(101, Subject(1), rules, NOW)
        assert (found.key, found.rule, found.owner, found.terms) == ("owner:101", 6, 101, Terms(3, 2))

    def test_by_group_or_by_user(self) -> None:
        rules = [Rule(5, users=frozenset({2}), groups=frozenset({9}))]
        assert key(rules, user=2) == "owner:102"
        assert key(rules, user=3, groups=frozenset({8, 9})) == "owner:103"
        assert key(rules, user=3, groups=frozenset({8})) == COMMON

    def test_by_key_or_how_keys_begin(self) -> None:
        rules = [Rule(5, keys=("blue",), together=True), Rule(6, keys=("team-*",), together=True)]

        def flow(name: str) -> str:
            return route(1, Subject(key=name), rules, NOW).key

        assert [flow(name) for name in ("blue", "bluebird", "team-a", "team-", "team", "*")] == [
            "rule:5", COMMON, "rule:6", "rule:6", COMMON, COMMON,
        ]  # fmt: skip
        assert key(rules) == COMMON, "a rule of keys alone covers no user"
        assert route(1, Subject(key="blue"), [Rule(7, users=frozenset({1}))], NOW).key == COMMON

    def test_jobs_of_the_queue_itself_have_a_flow_alone_unless_a_rule_names_their_key(self) -> None:
        subject = Subject(key="queueapp:webhooks:7")
        everyone = Rule(1, Terms(3.0), together=True)
        for rules in ([], [everyone]):
            assert route(9, subject, rules, NOW) == Route("owner:9", None, 9, Terms(cap=1))
        named = Rule(2, Terms(2.0, 5), keys=("queueapp:webhooks:*",))
        assert route(9, subject, [everyone, named], NOW) == Route("owner:9", 2, 9, Terms(2.0, 5))

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
    busy = Fleet(remaining=(2.0, 3.0, 5.0, 9.0), flows=3, total_weight=5.0)

    def test_share_by_weight(self) -> None:
        assert share_owed(Standing(Terms(weight=1)), self.busy) == pytest.approx(0.2)
        assert share_owed(Standing(Terms(weight=3)), self.busy) == pytest.approx(0.6)

    def test_who_is_not_there_yet_is_counted_in(self) -> None:
        assert share_owed(Standing(Terms(weight=5), active=False), self.busy) == pytest.approx(0.5)
        assert share_owed(Standing(active=False), Fleet()) == 1

    def test_a_cap_limits_the_share(self) -> None:
        assert share_owed(Standing(Terms(weight=4, cap=1)), self.busy) == pytest.approx(0.25)

    def test_what_a_cap_leaves_goes_to_the_others(self) -> None:
        """On 4 processors, a flow of weight 3 that may have 2 of them, and one of weight 1."""
        premium = Standing(Terms(weight=3, cap=2))
        fleet = Fleet((1.0,) * 4, flows=2, total_weight=4.0, capped=(Capped(Terms(3.0, 2), 1),))
        assert share_owed(premium, fleet) == pytest.approx(0.5)
        assert share_owed(Standing(), fleet) == pytest.approx(0.5)
        assert share_owed(Standing(active=False), fleet) == pytest.approx(0.25)
        assert Projection(fleet, []).seconds_until_start(Standing(), 9, 20.0) == pytest.approx(1 + 20 / 2)

    @given(
        st.lists(st.tuples(st.sampled_from([0.1, 1.0, 2.5, 10.0]), st.sampled_from([None, 1, 2, 50])), min_size=1),
        st.integers(1, 64),
    )
    def test_shares_add_up_to_what_the_caps_let_through(
        self, flows: list[tuple[float, int | None]], processors: int
    ) -> None:
        many = Counter((weight, cap) for weight, cap in flows if cap is not None)
        capped = tuple(Capped(Terms(weight, cap), number) for (weight, cap), number in many.items() if cap is not None)
        fleet = Fleet((1.0,) * processors, len(flows), sum(weight for weight, _ in flows), capped)
        shares = [share_owed(Standing(Terms(weight, cap)), fleet) for weight, cap in flows]
        most = sum(processors if cap is None else cap for _, cap in flows)
        assert sum(shares) == pytest.approx(min(1.0, most / processors))
        for share, (_, cap) in zip(shares, flows, strict=True):
            assert share * processors <= (cap or processors) + 1e-9

    def test_nobody_works_nobody_can_tell(self) -> None:
        assert Projection(Fleet(), []).seconds_until_start(Standing(), 1, 0.0) is None

    def test_an_idle_processor_starts_the_first_at_once(self) -> None:
        fleet = Fleet(remaining=(4.0, 0.0), flows=1, total_weight=1)
        assert Projection(fleet, [(0.0, 1, 1.0)]).seconds_until_start(Standing(), 1, 0.0) == 0

    def test_jobs_go_to_the_processor_that_is_free_first(self) -> None:
        """Free after 2, 3, 5 and 9 s; jobs of 4 s: they start at 2, 3, 5, then at 6 where the first of them ended."""
        upcoming = [(0.0, place, 4.0) for place in range(4)]
        projection = Projection(self.busy, upcoming)
        starts = [projection.seconds_until_start(Standing(), place, 0.0) for place in range(4)]
        assert starts == [2.0, 3.0, 5.0, 6.0]

    def test_a_jobs_turn_comes_with_its_tag(self) -> None:
        """One processor: b's second job comes after a's second, as its tag 3 is after 2."""
        fleet = Fleet(remaining=(1.0,), flows=2, total_weight=2.0)
        upcoming = [(0.0, 1, 2.0), (0.0, 2, 3.0), (2.0, 3, 2.0), (3.0, 4, 3.0)]
        projection = Projection(fleet, upcoming)
        assert projection.seconds_until_start(Standing(), 3, 2.0) == 1 + 2 + 3
        assert projection.seconds_until_start(Standing(), 4, 3.0) == 1 + 2 + 3 + 2

    def test_beyond_what_was_read_virtual_time_passes_by_weight(self) -> None:
        fleet = Fleet(remaining=(1.0, 1.0), flows=2, total_weight=4.0)
        projection = Projection(fleet, [(0.0, 1, 2.0), (0.0, 2, 2.0)])
        assert projection.seconds_until_start(Standing(Terms(weight=2)), 9, 20.0) == pytest.approx(3 + 10 * 4 / 2)

    def test_a_cap_slows_down(self) -> None:
        fleet = Fleet(remaining=(0.0, 0.0, 0.0, 0.0), flows=1, total_weight=1.0)
        projection = Projection(fleet, [(float(n), n, 1.0) for n in range(200)])
        assert projection.seconds_until_start(Standing(), 100, 100.0) == 25
        assert projection.seconds_until_start(Standing(Terms(cap=1)), 100, 100.0) == 100


@pytest.mark.parametrize("many", [0, 1, 5, 500])
def test_the_curve_that_all_pages_share_lies_on_the_projection(many: int) -> None:
    """Pages interpolate between its points, and go on at its pace: tests/pages/state.test.js."""
    upcoming = [(float(tag), tag, 0.5) for tag in range(many)]
    projection = Projection(Fleet((0.0, 0.3), flows=4, total_weight=4.0), upcoming)
    curve = projection.curve()
    assert curve is not None
    assert len(curve.points) == min(many, CURVE_POINTS)
    for tag, seconds in curve.points:
        assert projection.seconds_until_start(Standing(vtime=tag), 0, 0.0) == seconds
    if many:
        assert (curve.points[0][0], curve.points[-1][0]) == (0.0, many - 1.0)
        beyond = [projection.seconds_until_start(Standing(vtime=many + ahead), 0, 0.0) or 0.0 for ahead in (0.0, 10.0)]
        assert beyond[1] - beyond[0] == pytest.approx(10.0 * curve.pace)
    assert Projection(Fleet(), upcoming).curve() is None
