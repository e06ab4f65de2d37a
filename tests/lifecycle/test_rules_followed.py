"""Every change of the rules is followed, whoever makes it and whatever ends in the middle."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from queueapp import user_model
from queueapp.db.routines import versioned
from queueapp.lifecycle import route
from queueapp.lifecycle.maintenance.sweep import Sweeping
from queueapp.lifecycle.route import reroute, route_owner
from queueapp.models import Flow, Owner, PriorityRule, Routing, RuleChange
from tests.kit.queue import (
    await_a_waiter,
    everyone_takes_turns,
    in_thread,
    make_owner,
    make_user,
    second_connection,
    submit_jobs,
    user_of,
)

MEMBERSHIPS = user_model.memberships()._meta.db_table  # type: ignore[union-attr]
USERS, NAME = get_user_model()._meta.db_table, get_user_model().USERNAME_FIELD
USER = PriorityRule._meta.get_field("users").m2m_reverse_name()

pytestmark = pytest.mark.usefixtures("no_rules")


def weight(user: Owner) -> float:
    user.refresh_from_db()
    assert user.flow is not None
    return user.flow.state.weight


def run(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def time_passes(hours: int) -> None:
    """As if all that is known of rules were older by so much, and nothing had swept meanwhile."""
    run(
        f"UPDATE queueapp_priorityrule SET valid_from = valid_from - interval '{hours} h',"
        f" valid_until = valid_until - interval '{hours} h';"
        f"UPDATE queueapp_routing SET followed = followed - interval '{hours} h'"
    )
    RuleChange.objects.all().delete()


def test_a_rule_that_begins_or_ends_takes_effect_with_the_next_sweep() -> None:
    everyone_takes_turns()
    ada = make_owner("ada")
    submit_jobs(ada, "job")
    now = timezone.now()
    PriorityRule.objects.create(
        name="Night", position=1, weight=4, valid_from=now + timedelta(hours=1), valid_until=now + timedelta(hours=3)
    )
    brokers = Sweeping()
    for hours, expected in ((0, 1), (2, 4), (2, 1)):
        time_passes(hours)
        brokers.sweep()
        assert weight(ada) == expected


def test_a_rule_that_began_while_no_cluster_ran_takes_effect_when_one_starts() -> None:
    everyone_takes_turns()
    ada = make_owner("ada")
    submit_jobs(ada, "job")
    PriorityRule.objects.create(name="Night", position=1, weight=5, valid_from=timezone.now() + timedelta(hours=1))
    time_passes(2)
    Sweeping().sweep()
    assert weight(ada) == 5


def test_a_clock_that_was_set_back_does_not_keep_rules_from_being_followed() -> None:
    everyone_takes_turns()
    ada = make_owner("ada")
    submit_jobs(ada, "job")
    PriorityRule.objects.create(name="Night", position=1, weight=5, valid_from=timezone.now() + timedelta(hours=1))
    Routing.objects.update(followed=timezone.now() + timedelta(hours=2))
    Sweeping().sweep()
    assert weight(ada) == 1
    time_passes(2)
    Sweeping().sweep()
    assert weight(ada) == 5


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE queueapp_priorityrule SET weight = 3 WHERE name = 'Gold'",
        "UPDATE queueapp_priorityrule SET active = false WHERE name = 'Gold'",
        f"DELETE FROM {MEMBERSHIPS}",
        f"INSERT INTO queueapp_priorityrule_users (priorityrule_id, {USER})"
        f" SELECT r.id, o.user_id FROM queueapp_priorityrule r, queueapp_owner o, {USERS} u"
        f" WHERE r.name = 'Silver' AND u.id = o.user_id AND u.{NAME} = 'ada'",
        "DELETE FROM queueapp_priorityrule_groups; UPDATE queueapp_flow SET rule_id = NULL;"
        "DELETE FROM queueapp_priorityrule WHERE name = 'Gold'",
    ],
)
def test_a_change_that_went_past_the_application_is_followed_by_the_next_sweep(change: str) -> None:
    everyone_takes_turns()
    ada = make_owner("ada")
    gold = Group.objects.create(name="gold")
    user_of(ada).groups.add(gold)
    PriorityRule.objects.create(name="Gold", position=1, weight=5).groups.add(gold)
    PriorityRule.objects.create(name="Silver", position=0, weight=7).users.add(make_user("bob"))
    submit_jobs(ada, "job")
    before = weight(ada)
    run(change)
    assert weight(ada) == before
    Sweeping().sweep()
    assert weight(ada) != before
    assert not RuleChange.objects.exists()
    call_command("audit")


@pytest.mark.parametrize("at_once", [True, False], ids=["at once", "one by one"])
def test_a_rule_whose_users_and_groups_go_does_not_come_to_cover_everyone(at_once: bool) -> None:
    everyone_takes_turns()
    ada = make_owner("ada")
    submit_jobs(ada, "job")
    going, gold = [make_user("bob"), make_user("eve")], Group.objects.create(name="gold")
    rule, kept = (
        PriorityRule.objects.create(name=name, position=1, weight=5, active=False) for name in ("Gold", "Keys")
    )
    for each in (rule, kept):
        each.users.set(going)
        each.groups.add(gold)
    PriorityRule.objects.filter(pk=kept.pk).update(keys=["team"])
    PriorityRule.objects.update(active=True)
    gold.delete()
    users = get_user_model()._default_manager.filter(pk__in=[user.pk for user in going])
    for some in [users] if at_once else [users.filter(pk=user.pk) for user in going]:
        some.delete()
    Sweeping().sweep()
    assert weight(ada) == 1
    assert PriorityRule.objects.get(pk=kept.pk).active, "it still names a key"
    call_command("audit")


def test_a_bulk_update_is_followed_by_the_next_sweep() -> None:
    everyone_takes_turns()
    ada = make_owner("ada")
    submit_jobs(ada, "job")
    PriorityRule.objects.update(weight=2)
    Sweeping().sweep()
    assert weight(ada) == 2


def test_a_pass_that_was_cut_short_is_gone_on_with(monkeypatch: pytest.MonkeyPatch) -> None:
    everyone_takes_turns()
    users = [make_owner(f"user-{n}") for n in range(5)]
    for user in users:
        submit_jobs(user, "job")
    monkeypatch.setattr(route, "BATCH_OWNERS", 2)
    PriorityRule.objects.update(weight=2)
    reroute(1)  # and ends here: the process is killed
    assert [weight(user) for user in users] == [2, 2, 1, 1, 1]
    PriorityRule.objects.update(weight=3)
    Sweeping().sweep()
    assert [weight(user) for user in users] == [3] * 5


def test_whoever_was_held_up_does_not_write_old_rules_over_new_ones() -> None:
    everyone_takes_turns()
    ada = make_owner("ada")
    with second_connection() as theirs, ThreadPoolExecutor(1) as pool:
        theirs.execute(versioned("SELECT queueapp_lock_routing()"))
        routing = pool.submit(in_thread, lambda: route_owner(ada))
        await_a_waiter(routing.done)
        theirs.execute("UPDATE queueapp_priorityrule SET weight = 3")
        theirs.commit()
        routing.result()
    assert weight(ada) == 3


def test_a_change_of_weight_draws_no_new_ids_of_flows() -> None:
    everyone_takes_turns()
    submit_jobs(make_owner("ada"), "job")
    PriorityRule.objects.update(weight=2)
    reroute()
    last = Flow.objects.latest("pk").pk
    submit_jobs(make_owner("bob"), "job")
    assert Flow.objects.latest("pk").pk == last + 1


def test_a_client_that_is_cut_off_does_not_keep_submissions_waiting_for_ever() -> None:
    with second_connection() as theirs:
        theirs.execute(versioned("SELECT queueapp_lock_routing()"))
        assert theirs.execute("SHOW idle_in_transaction_session_timeout").fetchone() == ("10s",)
        theirs.commit()
        assert theirs.execute("SHOW idle_in_transaction_session_timeout").fetchone() != ("10s",)


def without_a_note(change: str) -> Callable[[], None]:
    def damage() -> None:
        run(change)
        RuleChange.objects.all().delete()

    return damage


def a_rule_ends_unnoticed() -> None:
    PriorityRule.objects.update(valid_until=timezone.now())
    time_passes(1)


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (without_a_note("UPDATE queueapp_flowstate SET weight = 5"), r"priority rules say \(ada\)"),
        (without_a_note("UPDATE queueapp_flowstate SET cap = 5"), r"priority rules say \(ada\)"),
        (without_a_note("UPDATE queueapp_priorityrule SET weight = 5"), r"priority rules say \(ada\)"),
        (without_a_note("UPDATE queueapp_priorityrule SET active = false"), r"priority rules say \(ada\)"),
        (lambda: run("INSERT INTO queueapp_rulechange (made_at) VALUES (now() - interval '2 min')"), "more than a min"),
        (lambda: run("UPDATE queueapp_routing SET begun = now() - interval '2 min'"), "more than a minute"),
        (a_rule_ends_unnoticed, "more than a minute"),
    ],
)
def test_the_audit_says_where_rules_are_not_followed(damage: Callable[[], None], says: str) -> None:
    everyone_takes_turns()
    submit_jobs(make_owner("ada"), "job")
    call_command("audit")
    damage()
    with pytest.raises(CommandError, match=says):
        call_command("audit")
