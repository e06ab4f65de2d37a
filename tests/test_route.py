"""Rules at work on the database: who is in which flow, and what a change of rules moves."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from queueapp.lifecycle.sweep import sweep, wake_forgotten
from queueapp.models import Flow, Job, PriorityRule, User, Waiting
from tests.queue import ask, everyone_takes_turns, make_user

pytestmark = pytest.mark.usefixtures("no_rules")


def key(user: User) -> str | None:
    user.refresh_from_db()
    return None if user.flow is None else user.flow.key


def test_a_new_user_is_routed_with_the_first_job() -> None:
    rule = everyone_takes_turns()
    ada = make_user("ada")
    assert key(ada) is None
    ask(ada, "job")
    assert key(ada) == f"rule:{rule.pk}:user:{ada.pk}"


def test_jobs_keep_their_places_when_they_move() -> None:
    ada, bob = make_user("ada"), make_user("bob")
    ask(ada, "a0")
    ask(bob, "b0")
    ask(ada, "a1")
    rule = everyone_takes_turns()
    for user in (ada, bob):
        assert key(user) == f"rule:{rule.pk}:user:{user.pk}"
        moved = Waiting.objects.filter(flow=user.flow).values_list("job_id", flat=True)
        assert set(moved) == set(Job.objects.filter(owner=user).values_list("pk", flat=True))
        assert user.flow is not None
        assert user.flow.backlogged
        assert user.flow.head == min(moved)


def test_weight_and_cap_reach_flows_that_exist() -> None:
    rule = everyone_takes_turns()
    ada = make_user("ada")
    ask(ada, "job")
    rule.weight, rule.cap = 2.5, 3
    rule.save()
    flow = Flow.objects.get(user=ada)
    assert (flow.weight, flow.cap) == (2.5, 3)


def test_a_rule_that_begins_or_ends_takes_effect_with_the_next_sweep() -> None:
    everyone_takes_turns()
    ada = make_user("ada")
    now = timezone.now()
    night = PriorityRule.objects.create(name="Night", position=1, valid_until=now + timedelta(hours=1))
    ask(ada, "job")
    assert key(ada) == f"rule:{night.pk}:user:{ada.pk}"
    PriorityRule.objects.filter(pk=night.pk).update(valid_until=now)  # the hour passed
    sweep(since=now + timedelta(seconds=1))
    assert key(ada) == f"rule:{night.pk}:user:{ada.pk}", "it ended before the moment looked back to"
    sweep(since=now - timedelta(seconds=1))
    assert key(ada) != f"rule:{night.pk}:user:{ada.pk}"


def test_a_rule_whose_only_group_is_deleted_does_not_come_to_cover_everyone() -> None:
    gold = Group.objects.create(name="gold")
    rule = PriorityRule.objects.create(name="Gold", weight=5, position=1)
    rule.groups.add(gold)
    ada = make_user("ada")
    ask(ada, "job")
    gold.delete()
    rule.refresh_from_db()
    assert not rule.active
    assert key(ada) == "common"


def test_a_deleted_rule_frees_its_jobs() -> None:
    rule = everyone_takes_turns()
    ada = make_user("ada")
    ask(ada, "job")
    rule.delete()
    assert key(ada) == "common"
    assert Waiting.objects.get().flow == Flow.objects.get(key="common")


def test_a_forgotten_flow_is_woken() -> None:
    ada = make_user("ada")
    ask(ada, "job")
    assert wake_forgotten() == 0
    Flow.objects.update(backlogged=False)
    assert wake_forgotten() == 1
    assert Flow.objects.get().backlogged


@pytest.mark.parametrize("wrong", [{"weight": 0.05}, {"weight": 11}, {"cap": 0}])
def test_the_database_refuses_rules_that_would_shut_others_out(wrong: dict[str, float]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        PriorityRule.objects.create(name="wrong", **wrong)


def test_a_rule_must_end_after_it_begins() -> None:
    now = timezone.now()
    with pytest.raises(ValidationError) as error:
        PriorityRule(name="wrong", valid_from=now, valid_until=now).full_clean()
    assert "valid_until" in error.value.message_dict
