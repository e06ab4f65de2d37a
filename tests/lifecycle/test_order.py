"""The order: within a flow by submission, between flows by virtual time. One claimer, so that it is exact."""

from __future__ import annotations

from collections import Counter

import pytest

from queueapp.lifecycle.processors import heartbeat, register
from queueapp.lifecycle.turn import take_turn
from queueapp.models import FlowState, Owner, PriorityRule
from tests.kit.queue import everyone_takes_turns, make_owner, names, run_all, settle, submit_jobs, user_of

pytestmark = pytest.mark.usefixtures("no_rules")


def state_of(user: Owner) -> FlowState:
    user.refresh_from_db()
    assert user.flow is not None
    return user.flow.state


def test_without_rules_jobs_run_strictly_in_the_order_of_submission() -> None:
    ada, bob = make_owner("ada"), make_owner("bob")
    asked = []
    for n in range(10):
        for user, many in ((ada, 3), (bob, 1)):
            new = [f"{user.name}-{n}-{i}" for i in range(many)]
            submit_jobs(user, *new)
            asked += new
    assert run_all(register("c").pk) == asked


def test_with_the_shipped_rule_users_take_turns() -> None:
    everyone_takes_turns()
    ada, bob = make_owner("ada"), make_owner("bob")
    submit_jobs(ada, *[f"a{n}" for n in range(100)])
    submit_jobs(bob, "b0", "b1", "b2")
    assert run_all(register("c").pk, limit=7) == ["a0", "b0", "a1", "b1", "a2", "b2", "a3"]


def test_weight_three_gets_three_turns_for_each_of_the_others_and_never_all() -> None:
    premium = PriorityRule.objects.create(name="Premium", weight=3, position=1)
    everyone_takes_turns()
    ada, bob = make_owner("ada"), make_owner("bob")
    premium.users.add(user_of(ada))
    submit_jobs(ada, *[f"a{n}" for n in range(60)])
    submit_jobs(bob, *[f"b{n}" for n in range(60)])
    turns = Counter(name[0] for name in run_all(register("c").pk, limit=40))
    assert turns["a"] == pytest.approx(30, abs=2)
    assert turns["b"] == pytest.approx(10, abs=2)


def test_together_a_group_is_one_flow_in_its_order_of_submission() -> None:
    team = PriorityRule.objects.create(name="Team", sharing="together", position=1)
    everyone_takes_turns()
    ada, bob, eve = make_owner("ada"), make_owner("bob"), make_owner("eve")
    team.users.add(user_of(ada), user_of(bob))
    submit_jobs(ada, "t0", "t1")
    submit_jobs(bob, "t2")
    submit_jobs(ada, "t3")
    submit_jobs(eve, "e0", "e1", "e2", "e3")
    assert run_all(register("c").pk) == ["t0", "e0", "t1", "e1", "t2", "e2", "t3", "e3"]


def test_turns_are_shares_of_time_and_not_of_jobs() -> None:
    """Jobs ten times as long come a tenth as often."""
    everyone_takes_turns()
    long, short = make_owner("long"), make_owner("short")
    submit_jobs(long, *[f"l{n}" for n in range(10)], duration=10)
    submit_jobs(short, *[f"s{n}" for n in range(100)], duration=1)
    turns = Counter(name[0] for name in run_all(register("c").pk, limit=44))
    assert turns["s"] == pytest.approx(40, abs=2)


def test_declaring_too_little_buys_nothing() -> None:
    """Who declares 1 s and takes 4 is charged 4, as who declared 4."""
    everyone_takes_turns()
    liar, honest = make_owner("liar"), make_owner("honest")
    submit_jobs(liar, *[f"l{n}" for n in range(30)], duration=1)
    submit_jobs(honest, *[f"h{n}" for n in range(30)], duration=4)
    turns = Counter(name[0] for name in run_all(register("c").pk, spent=4, limit=20))
    assert turns["l"] == pytest.approx(10, abs=1)


def test_a_job_that_outruns_its_duration_is_charged_as_it_goes() -> None:
    everyone_takes_turns()
    ada = make_owner("ada")
    submit_jobs(ada, "a0", duration=1)
    processor = register("c").pk
    turn = take_turn(processor)
    assert state_of(ada).vtime == pytest.approx(1)
    heartbeat(processor, turn.number, elapsed=0.5)
    assert state_of(ada).vtime == pytest.approx(1)
    heartbeat(processor, turn.number, elapsed=5)
    heartbeat(processor, turn.number, elapsed=6)
    assert state_of(ada).vtime == pytest.approx(6)
    settle(processor, turn, spent=7)
    assert state_of(ada).vtime == pytest.approx(7)


def test_being_away_saves_no_credit() -> None:
    """Who comes back after a long time takes turns from then on, and does not catch up."""
    everyone_takes_turns()
    ada, bob = make_owner("ada"), make_owner("bob")
    processor = register("c").pk
    submit_jobs(bob, "early")
    run_all(processor)
    submit_jobs(ada, *[f"a{n}" for n in range(100)])
    run_all(processor, limit=50)
    submit_jobs(bob, *[f"b{n}" for n in range(10)])
    turns = run_all(processor, limit=10)
    assert Counter(name[0] for name in turns)["a"] == pytest.approx(5, abs=1)


def test_a_past_burst_while_others_were_away_costs_nothing() -> None:
    everyone_takes_turns()
    ada, bob = make_owner("ada"), make_owner("bob")
    processor = register("c").pk
    submit_jobs(ada, *[f"a{n}" for n in range(50)])
    run_all(processor)
    submit_jobs(ada, "a-next")
    submit_jobs(bob, "b-next")
    assert run_all(processor) == ["a-next", "b-next"]


def test_a_turn_takes_jobs_up_to_the_quantum() -> None:
    everyone_takes_turns()
    ada = make_owner("ada")
    submit_jobs(ada, *[f"tiny{n}" for n in range(10)], duration=0.008)
    submit_jobs(ada, "long", duration=5)
    processor = register("c").pk
    turn = take_turn(processor)
    assert names(turn.jobs) == ["tiny0", "tiny1", "tiny2"]  # the expected seconds before each are below 0.02
    assert state_of(ada).vtime == pytest.approx(0.024)


def test_a_flow_at_its_cap_is_away_and_rejoins() -> None:
    everyone_takes_turns(cap=1)
    ada, bob = make_owner("ada"), make_owner("bob")
    submit_jobs(ada, "a0", "a1")
    first, second, third = (register("c").pk for _ in range(3))
    turn = take_turn(first)
    assert names(turn.jobs) == ["a0"]
    assert take_turn(second).jobs == []
    submit_jobs(bob, "b0", "b1")
    assert names(take_turn(second).jobs) == ["b0"]
    assert take_turn(third).jobs == []
    settle(first, turn)
    assert names(take_turn(third).jobs) == ["a1"]


def test_a_rule_switched_off_and_on_reaches_the_jobs_that_wait() -> None:
    rule = everyone_takes_turns()
    ada, bob = make_owner("ada"), make_owner("bob")
    submit_jobs(ada, "a0", "a1", "a2", "a3")
    submit_jobs(bob, "b0", "b1")
    processor = register("c").pk
    rule.active = False
    rule.save()
    assert run_all(processor, limit=2) == ["a0", "a1"]
    rule.active = True
    rule.save()
    assert run_all(processor) == ["a2", "b0", "a3", "b1"]


def test_a_change_of_groups_reaches_the_jobs_that_wait() -> None:
    from django.contrib.auth.models import Group

    gold = Group.objects.create(name="gold")
    rule = PriorityRule.objects.create(name="Gold", weight=4, position=1)
    rule.groups.add(gold)
    everyone_takes_turns()
    ada, bob = make_owner("ada"), make_owner("bob")
    submit_jobs(ada, *[f"a{n}" for n in range(40)])
    submit_jobs(bob, *[f"b{n}" for n in range(40)])
    user_of(bob).groups.add(gold)
    turns = Counter(name[0] for name in run_all(register("c").pk, limit=25))
    assert turns["b"] == pytest.approx(20, abs=2)
