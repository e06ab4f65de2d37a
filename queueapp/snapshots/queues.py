"""Builds shapes.Queue: running and queued jobs of an owner, their estimated starts, and the share that is owed.

The hub asks for all connected owners at once, so the number of queries does not grow with them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from django.contrib.auth import get_user_model
from django.db import connection
from typing_extensions import TypedDict

from ..db.routines import versioned
from ..models import Job, Owner, Processor, at_one_moment
from ..models.flow import flow_name
from ..policy.projection import Standing
from ..policy.rules import Terms
from . import shapes
from .fleet import FleetNow, fleet_now
from .jobs import describe
from .pauses import Pauses
from .positions import MAX_POSITION, Position, positions
from .shapes import iso

MAX_WAITING = 100
"""Maximum number of queued jobs in a queue."""
LIVE_WAITING = 20
"""Maximum number of queued jobs on a page that just came, and in a queue of the event stream: the first screen. The
others are read on demand."""
MAX_ESTIMATE_SECONDS = 10 * 365 * 86_400.0
"""Maximum seconds of an estimate. A start further off has none."""

_RUNNING = """
    SELECT j.id FROM queueapp_processor p JOIN queueapp_job j ON j.id = p.job_id WHERE j.owner_id = ANY (%s)
"""
# Of each owner the first waiting jobs, and how many there are (`counted` at most). Jobs that were moved have their own
# index.
_WAITING = versioned("""
    SELECT o.id, w.job_id, w.flow_id, w.place, w.note, w.not_before, c.many
      FROM unnest(%(owners)s::bigint[]) AS o(id)
     CROSS JOIN LATERAL (
           SELECT count(*) AS many FROM (
                  SELECT FROM queueapp_waiting WHERE owner_id = o.id LIMIT %(counted)s) AS counted
           ) AS c
     CROSS JOIN LATERAL (
           SELECT *, queueapp_place_of(moved_to, job_id) AS place FROM (
                  (SELECT job_id, flow_id, note, not_before, moved_to FROM queueapp_waiting
                    WHERE owner_id = o.id AND moved_to IS NULL ORDER BY job_id LIMIT %(rows)s)
                   UNION ALL
                  (SELECT job_id, flow_id, note, not_before, moved_to FROM queueapp_waiting
                    WHERE owner_id = o.id AND moved_to IS NOT NULL ORDER BY moved_to LIMIT %(rows)s)) AS first
            ORDER BY place, job_id LIMIT %(rows)s
           ) AS w
     ORDER BY o.id, w.place, w.job_id
""")


def queue_snapshot(owner: Owner, rows: int = MAX_WAITING) -> shapes.Queue:
    """Return the queue of one owner. `rows`: queued jobs, at most."""
    return queue_snapshots([owner.pk], rows=rows)[owner.pk]


def queue_snapshots(
    owner_ids: Iterable[int], fleet: FleetNow | None = None, rows: int = MAX_WAITING
) -> dict[int, shapes.Queue]:
    """Return the queues of owners, by id. Unknown ids are left out. A fixed number of queries.

    `fleet`: as it was a moment ago, if the caller knows it; else it is read, too. `rows`: queued jobs, at most.
    """
    with at_one_moment() as now:
        return _queues(list(owner_ids), now, fleet or fleet_now(now), rows)


class _Owner(NamedTuple):
    """An owner, with the state of the flow that the owner's next job joins: None before there is one.

    `own`: whether it is the owner's alone.
    """

    pk: int
    user: str | None
    key: str | None
    flow: int | None
    own: bool
    flow_name: str
    standing: Standing | None


def _queues(owner_ids: list[int], now: datetime, fleet: FleetNow, rows: int) -> dict[int, shapes.Queue]:
    owners = _owners(owner_ids)
    running = _running([owner.pk for owner in owners], now)
    pauses = Pauses()
    waiting, many = _waiting(owners, fleet, pauses, now, rows)
    return {
        owner.pk: {
            "time": iso(now),
            "user": owner.user,
            "key": owner.key,
            "running": running[owner.pk],
            "waiting": waiting[owner.pk],
            "waiting_count": many[owner.pk],
            "paused": pauses.sentence(owner.pk, (job["task"] for job in waiting[owner.pk])),
            "share": _share(owner, fleet, pauses),
            "processors": fleet.processors,
        }
        for owner in owners
    }


def _owners(ids: list[int]) -> list[_Owner]:
    name = get_user_model().USERNAME_FIELD
    rows = Owner.objects.filter(pk__in=ids).values_list(
        "pk", f"user__{name}", "key", "flow", "flow__owner", f"flow__owner__user__{name}", "flow__owner__key",
        "flow__rule__name", "flow__state__weight", "flow__state__cap", "flow__state__vtime", "flow__state__backlogged",
        "flow__state__busy",
    )  # fmt: skip
    return [
        _Owner(
            pk,
            user,
            key,
            flow,
            flow_owner == pk,
            flow_name(flow_user or flow_key, rule) if flow is not None else user or key or "",
            None if flow is None else Standing(Terms(weight, cap), vtime, backlogged or busy > 0),
        )
        for pk, user, key, flow, flow_owner, flow_user, flow_key, rule, weight, cap, vtime, backlogged, busy in rows
    ]


def progress_snapshots(owner_ids: Iterable[int]) -> dict[int, shapes.Progress]:
    """Return the progress of running jobs, by owner. Owners without one are left out. One query."""
    found: dict[int, shapes.Progress] = {}
    rows = (
        Processor.objects.working()
        .dated()
        .filter(job__owner_id__in=list(owner_ids))
        .select_related("job")
        .order_by("job")
    )
    for processor in rows:
        assert processor.job is not None
        entry = found.setdefault(processor.job.owner_id, {"time": iso(processor.read_at), "jobs": []})
        entry["jobs"].append(
            {
                "job_id": processor.job.name,
                "progress": processor.progress,
                "message": processor.message,
                "time_spent": round(processor.time_spent(processor.read_at), 6),
            }
        )
    return found


def _running(owner_ids: list[int], now: datetime) -> dict[int, list[shapes.Job]]:
    found: dict[int, list[shapes.Job]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(_RUNNING, [owner_ids])
        held = [job for (job,) in cursor.fetchall()]
    for job in Job.objects.listed().filter(pk__in=held).order_by("pk") if held else ():
        found[job.owner_id].append(describe(job, now, ended=job.ended, processor=job.processor))
    return found


def _waiting(
    owners: list[_Owner], fleet: FleetNow, pauses: Pauses, now: datetime, limit: int
) -> tuple[dict[int, list[shapes.WaitingJob]], dict[int, int]]:
    """Return each owner's first queued jobs with position and estimated start, and the number of all."""
    with connection.cursor() as cursor:
        cursor.execute(_WAITING, {"owners": [owner.pk for owner in owners], "counted": MAX_POSITION + 1, "rows": limit})
        rows = cursor.fetchall()
    many = defaultdict(int, {owner: count for owner, *_, count in rows})
    numbered = positions([(flow, place, job) for _, job, flow, place, *_ in rows])
    jobs = Job.objects.brief().in_bulk([job for _, job, *_ in rows]) if rows else {}
    standing = {owner.flow: owner.standing for owner in owners if owner.standing is not None}
    found: dict[int, list[shapes.WaitingJob]] = defaultdict(list)
    for owner, job, flow, _, note, moment, _ in rows:
        counted = numbered.get(job)
        sure = None if pauses.everything else counted
        # A job outside all flows: of its start no more is known than the moment that it waits for.
        at = moment if moment and moment > now and not pauses.stops(owner, jobs[job].task) else None
        found[owner].append(
            {
                **describe(jobs[job], now, position=counted.position if counted else None, note=note),
                **start_of(job, sure, at, standing.get(flow, Standing()), fleet, now),
            }
        )
    return found, many


class Start(TypedDict):
    """When a waiting job should start: null, nothing is known. `tag`: see shapes.WaitingJob."""

    estimated_start: str | None
    tag: float | None


def start_of(
    job: int, place: Position | None, at: datetime | None, standing: Standing, fleet: FleetNow, now: datetime
) -> Start:
    """Return the estimated start of a job at a place in a flow, or its moment `at` if it is in none."""
    if place is None or at is not None:
        return {"estimated_start": iso(at), "tag": None}
    wait = fleet.projection.seconds_until_start(standing, job, place.ahead)
    # What lies further off is no estimate, and a moment that Python cannot hold must not fail everybody's look.
    if wait is None or wait > MAX_ESTIMATE_SECONDS:
        return {"estimated_start": None, "tag": None}
    tag = standing.tag(place.ahead) if standing.terms.cap is None else None
    return {"estimated_start": iso(now + timedelta(seconds=wait)), "tag": tag}


def _share(owner: _Owner, fleet: FleetNow, pauses: Pauses) -> shapes.Share:
    """Return the share that the owner's flow is owed: 0 while paused; as for weight 1 before there is a flow."""
    owed = fleet.owed(owner.standing or Standing(active=False))
    return {**owed, "owed": 0.0 if pauses.stops(owner.pk) else owed["owed"], "flow": owner.flow_name, "own": owner.own}
