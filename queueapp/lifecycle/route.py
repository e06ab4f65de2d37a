"""route: which flow each user's jobs join, by the priority rules; and the moves that follow from a change of rules."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.contrib.auth.models import Group
from django.db import connection, transaction
from django.db.models.signals import m2m_changed, post_delete, post_save, pre_delete
from django.utils import timezone

from ..models import Flow, PriorityRule, Tally, User
from ..policy.rules import Route, Rule, route
from .announce import announce
from .retry import retried

USERS_AT_ONCE = 50
"""Users, and so flows at the most, that one transaction routes: claims of these flows wait for it."""
JOBS_AT_ONCE = 500
MOVED_AT_ONCE = 1_000

# Users join other flows. What waits in the flows that they leave is noted, and held back where that keeps its order:
# a flow of the user's own, whether joined or left.
_FOLLOW = """
    WITH wanted AS (SELECT * FROM unnest(%s::bigint[], %s::bigint[]) AS w(id, flow)
    ), leaving AS (
        SELECT u.id, u.flow_id FROM queueapp_user u JOIN wanted w ON w.id = u.id
         WHERE u.flow_id <> w.flow
           AND EXISTS (SELECT FROM queueapp_waiting q WHERE q.owner_id = u.id AND q.flow_id = u.flow_id)
    ), noted AS (
        INSERT INTO queueapp_leftover (user_id, flow_id) SELECT id, flow_id FROM leaving ON CONFLICT DO NOTHING
    ), held AS (
        UPDATE queueapp_tally t SET version = version + 1, held = true
          FROM queueapp_flow f JOIN leaving l ON f.user_id = l.id
         WHERE t.flow_id = f.id
    )
    UPDATE queueapp_user u SET flow_id = w.flow FROM wanted w WHERE u.id = w.id AND u.flow_id IS DISTINCT FROM w.flow
"""


def load_rules() -> list[Rule]:
    """The active rules in the order in which they are asked, as policy/ needs them."""
    return [
        Rule(
            id=rule.pk,
            weight=rule.weight,
            together=rule.sharing == PriorityRule.Sharing.TOGETHER,
            cap=rule.cap,
            users=frozenset(user.pk for user in rule.users.all()),
            groups=frozenset(group.pk for group in rule.groups.all()),
            valid_from=rule.valid_from,
            valid_until=rule.valid_until,
        )
        for rule in PriorityRule.objects.active().prefetch_related("users", "groups")
    ]


def route_user(user: User) -> None:
    """Give one user the flow that the rules decide."""
    _route_users([user], load_rules(), timezone.now())
    user.refresh_from_db(fields=["flow"])


def reroute() -> None:
    """Bring everything in line with the rules as they are now.

    Flows get their rule's weight and cap, users their flow; of the jobs that wait in a flow that their owner has left,
    the first MOVED_AT_ONCE follow now, and the brokers move the others (move_some). Each batch is a short transaction.
    """
    rules, now = load_rules(), timezone.now()
    last = 0
    while users := list(User.objects.filter(pk__gt=last).prefetch_related("groups").order_by("pk")[:USERS_AT_ONCE]):
        _route_users(users, rules, now)
        last = users[-1].pk
    left = MOVED_AT_ONCE
    while left > 0 and (moved := move_some()) is not None:
        left -= moved
    announce(User.objects.filter(flow__tally__backlogged=True).values_list("pk", flat=True), work=True)


def move_some() -> int | None:
    """Move a batch of waiting jobs to the flow that their owner has joined; how many. None: none is left over.

    Takes about ten milliseconds, for which claims pass over the two flows. Locks: see sql/move.sql.
    """
    return retried(_move)


def _move() -> int | None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT queueapp_move(%s)", [JOBS_AT_ONCE])
        moved: int | None = cursor.fetchone()[0]
        return moved


def _route_users(users: Iterable[User], rules: list[Rule], now: datetime) -> None:
    routes = {user.pk: _decide(user, rules, now) for user in users}
    retried(lambda: _apply(routes))


def _decide(user: User, rules: list[Rule], now: datetime) -> Route:
    return route(user.pk, frozenset(group.pk for group in user.groups.all()), rules, now)


@transaction.atomic
def _apply(routes: dict[int, Route]) -> None:
    """Write routes. Locks: routing (advisory, exclusive), so that no submission is under way with an old one;
    then the flows whose weight or cap changes, by id."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(7200, 0)")
    wanted = {route.key: route for route in routes.values()}
    Flow.objects.bulk_create(
        [Flow(key=route.key, rule_id=route.rule, user_id=route.user) for route in wanted.values()],
        ignore_conflicts=True,
    )
    new = Flow.objects.filter(key__in=wanted, tally=None)
    Tally.objects.bulk_create(Tally(flow=f, weight=wanted[f.key].weight, cap=wanted[f.key].cap) for f in new)
    flows = {f.key: f for f in Flow.objects.select_related("tally").filter(key__in=wanted).order_by("pk")}
    stale = [f for f in flows.values() if (f.rule_id, f.tally.weight, f.tally.cap) != _terms(wanted[f.key])]
    with connection.cursor() as cursor:
        for flow in stale:
            route = wanted[flow.key]
            cursor.execute("SELECT queueapp_set_flow(%s, %s, %s, %s::smallint)", [flow.pk, *_terms(route)])
        cursor.execute(_FOLLOW, [list(routes), [flows[route.key].pk for route in routes.values()]])


def _terms(route: Route) -> tuple[int | None, float, int | None]:
    return route.rule, route.weight, route.cap


def _rules_changed(**_: Any) -> None:
    """Reroute once, after the transaction that changed rules, however many changes it made."""
    waiting = transaction.get_connection().run_on_commit
    if not any(call[1] is reroute for call in waiting):
        transaction.on_commit(reroute)


def _switch_off_emptied(instance: User | Group, **_: Any) -> None:
    """A rule whose last user or group goes must not come to cover everyone: it is switched off, in the same commit."""
    for rule in instance.priority_rules.prefetch_related("users", "groups"):
        if [*rule.users.all(), *rule.groups.all()] == [instance]:
            PriorityRule.objects.filter(pk=rule.pk).update(active=False)


def _groups_changed(instance: Any, action: str, **_: Any) -> None:
    if action in {"post_add", "post_remove", "post_clear"}:
        _rules_changed()


def follow_changes() -> None:
    """Connect the receivers: rules, what they name, and who is in which group. New users are routed at first need."""
    post_save.connect(_rules_changed, sender=PriorityRule, dispatch_uid="route-rule-saved")
    post_delete.connect(_rules_changed, sender=PriorityRule, dispatch_uid="route-rule-deleted")
    post_delete.connect(_rules_changed, sender=Group, dispatch_uid="route-group-deleted")
    for named in (User, Group):
        pre_delete.connect(_switch_off_emptied, sender=named, dispatch_uid=f"route-{named.__name__}-goes")
    for through in (PriorityRule.users.through, PriorityRule.groups.through, User.groups.through):
        m2m_changed.connect(_groups_changed, sender=through, dispatch_uid=f"route-{through.__name__}")
