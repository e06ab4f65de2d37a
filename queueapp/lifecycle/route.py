"""Routes users to flows by the priority rules, and moves their jobs after a change of rules."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime

from django.db import connection, transaction
from django.db.models import Exists, OuterRef

from ..db.conflicts import retried
from ..models import Flow, FlowState, PriorityRule, Routing, RuleChange, User, database_now
from ..policy.rules import Route, Rule, route
from .announce import announce

USERS_AT_ONCE = 50
"""Users, and so flows at most, that one transaction routes: claims of these flows wait for it."""
BATCHES_AT_ONCE = 20
"""Batches of users that a sweep routes; the brokers route the others between their looks for work."""
JOBS_AT_ONCE = 500
MOVED_AT_ONCE = 1_000


def load_rules(among: Collection[int] | None = None) -> list[Rule]:
    """The active rules in the order in which they are asked, as policy/ needs them. Four queries.

    `among`: the users whom a decision is about. A rule may name very many others, who are left out.
    """
    users, groups = defaultdict(set), defaultdict(set)
    named = PriorityRule.users.through._default_manager.all()
    for rule, user in (named if among is None else named.filter(user__in=among)).values_list("priorityrule", "user"):
        users[rule].add(user)
    for rule, group in PriorityRule.groups.through._default_manager.values_list("priorityrule", "group"):
        groups[rule].add(group)
    naming = PriorityRule.objects.filter(Exists(named.filter(priorityrule=OuterRef("pk"))))
    name_users = set(naming.values_list("pk", flat=True))
    return [
        Rule(
            id=rule.pk,
            weight=rule.weight,
            together=rule.sharing == PriorityRule.Sharing.TOGETHER,
            cap=rule.cap,
            users=frozenset(users[rule.pk]),
            groups=frozenset(groups[rule.pk]),
            valid_from=rule.valid_from,
            valid_until=rule.valid_until,
            others=rule.pk in name_users,
        )
        for rule in PriorityRule.objects.active()
    ]


def route_user(user: User) -> None:
    """Give one user the flow that the rules decide. Locks: as _apply()."""

    @transaction.atomic
    def work() -> None:
        _lock_routing()
        _apply([user], database_now())

    retried(work)
    user.refresh_from_db(fields=["flow"])


def reroute(batches: int | None = None) -> None:
    """Bring everything in line with the rules as they are now, if it is not yet; `batches` of users at most.

    Flows get their rule's weight and cap, users their flow; of the jobs that wait in a flow that their owner has left,
    the first MOVED_AT_ONCE follow now, and the brokers move the others (move_some). Each batch is a short transaction.
    """
    routed = 0
    while (batches is None or routed < batches) and route_some():
        routed += 1
    if routed:
        left = MOVED_AT_ONCE
        while left > 0 and (moved := retried(_move)) is not None:
            left -= moved
        announce(User.objects.filter(flow__state__backlogged=True).values_list("pk", flat=True), work=True)


def route_some() -> bool:
    """Route the next batch of users, if the rules have changed, began or ended; whether there was one.

    Any process does the next batch of the pass under way, so that one that dies, or is late, leaves nothing behind.
    """
    return _is_due() and retried(_route_batch)


def _is_due() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT queueapp_routing_due()")
        return bool(cursor.fetchone()[0])


@transaction.atomic
def _route_batch() -> bool:
    """Whether there still was a batch to be routed, once the lock was there. Locks: as _apply()."""
    _lock_routing()
    if not _is_due():
        return False
    now = database_now()
    routing, _ = Routing.objects.get_or_create(pk=1)
    if routing.begun is None:
        # Each batch reads the rules as they are then. What changes behind it is followed by the next pass.
        RuleChange.objects.all().delete()
        routing.begun, routing.last_user = now, 0
    waiting = User.objects.filter(pk__gt=routing.last_user)
    users = list(waiting.prefetch_related("groups").order_by("pk")[:USERS_AT_ONCE])
    _apply(users, now)
    if len(users) < USERS_AT_ONCE:
        routing.followed, routing.begun = routing.begun, None
    else:
        routing.last_user = users[-1].pk
    routing.save()
    return True


def move_some() -> int | None:
    """Move a batch of waiting jobs to the flow that their owner has joined: how many. Else route a batch of users: 0.

    None: nothing is left to do. Takes about ten milliseconds, for which claims pass over the flows concerned.
    Locks: see db/sql/move/move.sql, or as route_some().
    """
    moved = retried(_move)
    return 0 if moved is None and route_some() else moved


def _move() -> int | None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT queueapp_move(%s)", [JOBS_AT_ONCE])
        moved: int | None = cursor.fetchone()[0]
        return moved


def _lock_routing() -> None:
    """Nobody submits until the commit. Before the rules are read: whoever has the lock last, has the newest."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT queueapp_lock_routing()")


def _apply(users: Collection[User], now: datetime) -> None:
    """Route users. Locks: routing (advisory, exclusive), by the caller, so that no submission is under way with an old
    route; then the flows whose weight or cap changes, by id."""
    rules = load_rules([user.pk for user in users])
    routes = {user.pk: _decide(user, rules, now) for user in users}
    wanted = {route.key: route for route in routes.values()}
    flows = _make_flows(wanted)
    with connection.cursor() as cursor:
        for flow in flows.values():
            terms = _terms(wanted[flow.key])
            if (flow.rule_id, flow.state.weight, flow.state.cap) != terms:
                cursor.execute("SELECT queueapp_set_flow(%s, %s, %s, %s::smallint)", [flow.pk, *terms])
        cursor.execute(
            "SELECT queueapp_follow(%s::bigint[], %s::bigint[])",
            [list(routes), [flows[route.key].pk for route in routes.values()]],
        )


def _decide(user: User, rules: list[Rule], now: datetime) -> Route:
    return route(user.pk, frozenset(group.pk for group in user.groups.all()), rules, now)


def _make_flows(wanted: dict[str, Route]) -> dict[str, Flow]:
    """The flows of these routes, by key and in the order of their ids; those that lack are made."""
    there = set(Flow.objects.filter(key__in=wanted).values_list("key", flat=True))
    Flow.objects.bulk_create(
        Flow(key=key, rule_id=route.rule, user_id=route.user) for key, route in wanted.items() if key not in there
    )
    new = Flow.objects.filter(key__in=wanted, state=None)
    FlowState.objects.bulk_create(FlowState(flow=f, weight=wanted[f.key].weight, cap=wanted[f.key].cap) for f in new)
    return {f.key: f for f in Flow.objects.select_related("state").filter(key__in=wanted).order_by("pk")}


def _terms(route: Route) -> tuple[int | None, float, int | None]:
    return route.rule, route.weight, route.cap
