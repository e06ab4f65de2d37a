"""Rules at work on the database: who is in which flow, and what a change of rules moves."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from queueapp.lifecycle import route
from queueapp.lifecycle.maintenance.sweep import wake_forgotten
from queueapp.lifecycle.processors import register
from queueapp.lifecycle.rescue import rescue_cluster
from queueapp.lifecycle.route import move_some
from queueapp.lifecycle.turn import take_turn
from queueapp.models import Flow, FlowState, Job, Owner, PendingMove, PriorityRule, Waiting
from queueapp.models.job import PLACES_APART
from tests.kit.queue import everyone_takes_turns, make_owner, settle, submit_jobs, user_of

pytestmark = pytest.mark.usefixtures("no_rules")


def key(user: Owner) -> str | None:
    user.refresh_from_db()
    return None if user.flow is None else user.flow.key


def test_a_new_user_is_routed_with_the_first_job() -> None:
    everyone_takes_turns()
    ada = make_owner("ada")
    assert key(ada) is None
    submit_jobs(ada, "job")
    assert key(ada) == f"owner:{ada.pk}"


def test_jobs_keep_their_places_when_they_move() -> None:
    ada, bob = make_owner("ada"), make_owner("bob")
    submit_jobs(ada, "a0")
    submit_jobs(bob, "b0")
    submit_jobs(ada, "a1")
    everyone_takes_turns()
    for user in (ada, bob):
        assert key(user) == f"owner:{user.pk}"
        moved = Waiting.objects.filter(flow=user.flow).values_list("job_id", flat=True)
        assert set(moved) == set(Job.objects.filter(owner=user).values_list("pk", flat=True))
        assert user.flow is not None
        assert user.flow.state.backlogged
        assert user.flow.state.head == min(moved)


def test_jobs_that_move_back_make_no_claim_begin_before_those_that_are_gone() -> None:
    rule = everyone_takes_turns()
    ada = make_owner("ada")
    submit_jobs(ada, "a0", "a1")
    processor = register("c").pk
    turn = take_turn(processor)
    settle(processor, turn)
    for active in (False, True):
        rule.active = active
        rule.save()
    gone, left = Job.objects.order_by("pk")
    assert Waiting.objects.get().flow == Flow.objects.get(owner=ada)
    assert gone.pk * PLACES_APART <= FlowState.objects.get(flow__owner=ada).scan_from <= left.pk * PLACES_APART


def test_weight_and_cap_reach_flows_that_exist() -> None:
    rule = everyone_takes_turns()
    ada = make_owner("ada")
    submit_jobs(ada, "job")
    rule.weight, rule.cap = 2.5, 3
    rule.save()
    flow = Flow.objects.get(owner=ada)
    assert (flow.state.weight, flow.state.cap) == (2.5, 3)


def test_a_rule_whose_only_group_is_deleted_does_not_come_to_cover_everyone() -> None:
    gold = Group.objects.create(name="gold")
    rule = PriorityRule.objects.create(name="Gold", weight=5, position=1)
    rule.groups.add(gold)
    ada = make_owner("ada")
    submit_jobs(ada, "job")
    gold.delete()
    rule.refresh_from_db()
    assert not rule.active
    assert key(ada) == "common"


def test_a_deleted_rule_frees_its_jobs() -> None:
    rule = everyone_takes_turns()
    ada = make_owner("ada")
    submit_jobs(ada, "job")
    rule.delete()
    assert key(ada) == "common"
    assert Waiting.objects.get().flow == Flow.objects.get(key="common")


def test_a_forgotten_flow_is_woken() -> None:
    ada = make_owner("ada")
    submit_jobs(ada, "job")
    assert wake_forgotten() == 0
    FlowState.objects.update(backlogged=False)
    assert wake_forgotten() == 1
    assert FlowState.objects.get().backlogged


@pytest.mark.parametrize("wrong", [{"weight": 0.05}, {"weight": 11}, {"cap": 0}])
def test_the_database_refuses_rules_that_would_shut_others_out(wrong: dict[str, float]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        PriorityRule.objects.create(name="wrong", **wrong)


def test_a_rule_must_end_after_it_begins() -> None:
    now = timezone.now()
    with pytest.raises(ValidationError) as error:
        PriorityRule(name="wrong", valid_from=now, valid_until=now).full_clean()
    assert "valid_until" in error.value.message_dict


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(route, "REROUTE_JOBS", 20)
    monkeypatch.setattr(route, "BATCH_JOBS", 10)


def drained_while_moving(processor: int) -> list[str]:
    """What is claimed when a batch moves between any two claims."""
    got = []
    while (turn := take_turn(processor)).jobs:
        got += [job.name for job in turn.jobs]
        settle(processor, turn)
        move_some()
    return got


@pytest.mark.usefixtures("small_batches")
def test_a_users_jobs_keep_their_order_while_they_move_to_a_flow_of_the_users_own() -> None:
    ada, bob = make_owner("ada"), make_owner("bob")
    mine = [f"a{n:02}" for n in range(45)]
    submit_jobs(ada, *mine)
    submit_jobs(bob, "b0")
    everyone_takes_turns()
    ada.refresh_from_db()
    assert Waiting.objects.filter(flow=ada.flow).count() == 20
    submit_jobs(ada, "last")
    got = drained_while_moving(register("c").pk)
    assert [name for name in got if name != "b0"] == [*mine, "last"]
    assert not PendingMove.objects.exists()
    assert not FlowState.objects.filter(held=True).exists()


@pytest.mark.usefixtures("small_batches")
def test_a_users_jobs_keep_their_order_while_they_move_from_a_flow_of_the_users_own() -> None:
    rule = everyone_takes_turns()
    ada, bob = make_owner("ada"), make_owner("bob")
    mine = [f"a{n:02}" for n in range(45)]
    submit_jobs(ada, *mine)
    submit_jobs(bob, "b0")
    rule.active = False
    rule.save()
    assert Waiting.objects.filter(flow__key="common", owner=ada).count() == 20
    submit_jobs(ada, "last")
    got = drained_while_moving(register("c").pk)
    assert sorted(got) == sorted([*mine, "last", "b0"])
    assert [name for name in got if name not in ("b0", "last")] == mine
    assert not FlowState.objects.filter(held=True).exists()


def test_a_change_between_rules_that_give_a_flow_alone_moves_nothing() -> None:
    everyone_takes_turns()
    ada = make_owner("ada")
    submit_jobs(ada, *[f"a{n}" for n in range(9)])
    premium = PriorityRule.objects.create(name="Premium", weight=3, position=1)
    premium.users.add(user_of(ada))
    assert not PendingMove.objects.exists()
    flow = Flow.objects.get(owner=ada)
    assert (flow.state.weight, flow.rule) == (3, premium)
    assert Waiting.objects.filter(flow=flow).count() == 9


def test_a_flow_that_is_held_for_nothing_is_let_go() -> None:
    everyone_takes_turns()
    submit_jobs(make_owner("ada"), "job")
    FlowState.objects.update(held=True)
    wake_forgotten()
    assert not FlowState.objects.filter(held=True).exists()


def test_a_job_that_comes_back_after_its_owner_left_follows() -> None:
    ada = make_owner("ada")
    submit_jobs(ada, "job")
    lost = register("c")
    take_turn(lost.pk)
    everyone_takes_turns()
    while move_some() is not None:
        pass
    rescue_cluster("c")
    ada.refresh_from_db()
    assert Waiting.objects.get().flow != ada.flow
    assert move_some() == 1
    assert Waiting.objects.get().flow == ada.flow
