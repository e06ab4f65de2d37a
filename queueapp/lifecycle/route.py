"""Routes owners to flows by the priority rules, and moves their jobs after a change of rules."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, astuple, fields
from datetime import datetime
from functools import partial

from django.db import connection, transaction

from ..db.conflicts import retried
from ..db.routines import versioned
from ..models import Flow, FlowState, Owner, PriorityRule, Routing, RuleChange, database_now
from ..policy.rules import Route, Terms, route
from .announce import EVERYONE, announce

BATCH_OWNERS = 50
"""Maximum number of owners, and so of flows, that one transaction routes. Claims of these flows wait for it."""
SWEEP_BATCHES = 20
"""Maximum batches of owners that a sweep routes. The brokers route the others between their looks for work."""
BATCH_JOBS = 500
"""Maximum number of jobs that one transaction moves."""
REROUTE_JOBS = 1_000
"""Moved jobs after which reroute() leaves the others to the brokers."""

_SET_FLOW = versioned(
    f"SELECT queueapp_set_flow(%s, %s, ROW({', '.join(['%s'] * len(fields(Terms)))})::queueapp_terms)"
)
_ROUTING_DUE = versioned("SELECT queueapp_routing_due()")
_MOVE = versioned("SELECT queueapp_move(%s)")
_LOCK_ROUTING = versioned("SELECT queueapp_lock_routing()")
_FOLLOW = versioned("SELECT queueapp_follow(%s::bigint[], %s::bigint[])")


def route_owner(owner: Owner) -> None:
    """Give one owner the flow that the rules decide. Locks: as _apply()."""
    route_owners([owner.pk])
    owner.refresh_from_db(fields=["flow"])


def route_owners(owners: Collection[int]) -> None:
    """Give owners the flows that the rules decide, BATCH_OWNERS in a transaction. Locks: as _apply()."""

    @transaction.atomic
    def work(batch: Sequence[int]) -> None:
        _lock_routing()
        _apply(batch, database_now())

    ordered = sorted(owners)
    for start in range(0, len(ordered), BATCH_OWNERS):
        retried(partial(work, ordered[start : start + BATCH_OWNERS]))


def reroute(batches: int | None = None) -> None:
    """Route all owners by the present rules, if that is not done yet; at most so many `batches` of them.

    Flows get their rule's terms, and owners their flow. Of the jobs that wait in a flow that their owner has left,
    about REROUTE_JOBS move now; the brokers move the others (move_some). Each batch is a short transaction.
    """
    routed = 0
    while (batches is None or routed < batches) and route_some():
        routed += 1
    if routed:
        left = REROUTE_JOBS
        while left > 0 and (moved := retried(_move)) is not None:
            left -= moved
        announce([EVERYONE], work=True)


def route_some() -> bool:
    """Route the next batch of owners if rules changed, began or ended. Return whether there was one.

    Any process does the next batch of a pass. So one that dies, or is late, leaves nothing undone.
    """
    return _is_due() and retried(_route_batch)


def _is_due() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(_ROUTING_DUE)
        return bool(cursor.fetchone()[0])


@transaction.atomic
def _route_batch() -> bool:
    """Route the next batch. Return whether there still was one once the lock was held. Locks: as _apply()."""
    _lock_routing()
    if not _is_due():
        return False
    now = database_now()
    routing, _ = Routing.objects.get_or_create(pk=1)
    if routing.begun is None:
        # Each batch reads the rules as they are then. A change after this makes another pass due.
        RuleChange.objects.all().delete()
        routing.begun, routing.last_owner = now, 0
    rest = Owner.objects.filter(pk__gt=routing.last_owner).order_by("pk")
    owners = list(rest.values_list("pk", flat=True)[:BATCH_OWNERS])
    _apply(owners, now)
    if len(owners) < BATCH_OWNERS:
        routing.followed, routing.begun = routing.begun, None
    else:
        routing.last_owner = owners[-1]
    routing.save()
    return True


def move_some() -> int | None:
    """Move a batch of waiting jobs to the flow that their owner has joined. If there is none, route a batch of owners.

    Returns the number of jobs moved, 0 after routing. None: nothing is left to do, or other processes do it. Takes
    about ten milliseconds, during which claims skip the flows concerned or wait for them.
    Locks: see db/sql/move/move.sql, or as route_some().
    """
    moved = retried(_move)
    return 0 if moved is None and route_some() else moved


def _move() -> int | None:
    with connection.cursor() as cursor:
        cursor.execute(_MOVE, [BATCH_JOBS])
        moved: int | None = cursor.fetchone()[0]
        return moved


def _lock_routing() -> None:
    """Lock routing: nobody submits until the commit. Lock before reading the rules: the last holder has the newest."""
    with connection.cursor() as cursor:
        cursor.execute(_LOCK_ROUTING)


def _apply(owners: Collection[int], now: datetime) -> None:
    """Route owners. The caller holds routing (advisory, exclusive), so no submission is under way with an old route.

    Locks: by id, the flows whose terms or rule change, as db/sql/flow/set_flow.sql; then as db/sql/move/follow.sql.
    """
    subjects = Owner.objects.filter(pk__in=owners).subjects()
    rules = PriorityRule.objects.load({subject.user for subject in subjects.values()} - {None})
    routes = {pk: route(pk, subject, rules, now) for pk, subject in subjects.items()}
    wanted = {route.key: route for route in routes.values()}
    flows = _make_flows(wanted)
    with connection.cursor() as cursor:
        for flow in flows.values():
            terms, rule = wanted[flow.key].terms, wanted[flow.key].rule
            if (flow.rule_id, flow.state.terms) != (rule, terms):
                cursor.execute(_SET_FLOW, [flow.pk, rule, *astuple(terms)])
        cursor.execute(_FOLLOW, [list(routes), [flows[route.key].pk for route in routes.values()]])


def _make_flows(wanted: dict[str, Route]) -> dict[str, Flow]:
    """Return the flows of these routes by key, in the order of their ids. Create those that are missing."""
    there = set(Flow.objects.filter(key__in=wanted).values_list("key", flat=True))
    Flow.objects.bulk_create(
        Flow(key=key, rule_id=route.rule, owner_id=route.owner) for key, route in wanted.items() if key not in there
    )
    new = Flow.objects.filter(key__in=wanted, state=None)
    FlowState.objects.bulk_create(FlowState(flow=flow, **asdict(wanted[flow.key].terms)) for flow in new)
    return {f.key: f for f in Flow.objects.select_related("state").filter(key__in=wanted).order_by("pk")}
