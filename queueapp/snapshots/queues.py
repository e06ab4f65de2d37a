"""Whole queues: what of a user's runs and waits, when it will start, and the share that the user is owed.

For many users at once, in a number of queries that does not grow with them: the hub asks for all who are connected.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from ..models import Job, Processor, User, at_one_moment
from ..policy.projection import Standing, others_and_own, share_owed
from .fleet import FleetNow, fleet_now
from .jobs import JobDict, describe, iso
from .pauses import Pauses
from .positions import FARTHEST, Position, positions

FIRST = 100
"""Waiting jobs that a queue shows."""
FURTHEST_ESTIMATE = 10 * 365 * 86_400.0
"""Seconds: of a start that is further off nothing is said."""

Snapshot = dict[str, Any]

# Of each user the first waiting jobs, and how many there are (FARTHEST + 1: more than FARTHEST).
_WAITING = """
    SELECT u.id, w.job_id, w.flow_id, w.note, w.not_before, c.many
      FROM unnest(%s::bigint[]) AS u(id)
     CROSS JOIN LATERAL (
           SELECT count(*) AS many FROM (
                  SELECT FROM queueapp_waiting WHERE owner_id = u.id LIMIT %s) AS counted
           ) AS c
     CROSS JOIN LATERAL (
           SELECT job_id, flow_id, note, not_before FROM queueapp_waiting
            WHERE owner_id = u.id ORDER BY job_id LIMIT %s
           ) AS w
     ORDER BY u.id, w.job_id
"""


def queue_snapshot(user: User) -> Snapshot:
    """The queue of one user."""
    return queue_snapshots([user.pk])[user.pk]


def queue_snapshots(user_ids: Iterable[int]) -> dict[int, Snapshot]:
    """The queues of users, by id; ids of nobody are left out. A fixed number of queries, however many."""
    with at_one_moment() as now:
        return _queues(list(user_ids), now)


def _queues(user_ids: list[int], now: datetime) -> dict[int, Snapshot]:
    users = list(User.objects.filter(pk__in=user_ids).select_related("flow__rule", "flow__user", "flow__state"))
    fleet = fleet_now(now)
    running = _running([user.pk for user in users], now)
    pauses = Pauses()
    waiting, many = _waiting(users, fleet, pauses, now)
    return {
        user.pk: {
            "time": iso(now),
            "user": user.username,
            "running": running[user.pk],
            "waiting": waiting[user.pk],
            "waiting_count": many[user.pk],
            "paused": pauses.sentence(user.pk, (job["task"] for job in waiting[user.pk])),
            "share": _share(user, fleet, pauses),
            "processors": {"alive": fleet.fleet.processors, "busy": fleet.fleet.busy},
        }
        for user in users
    }


def progress_snapshots(user_ids: Iterable[int]) -> dict[int, Snapshot]:
    """How far the running jobs of users are, by user; who has none is left out. One query."""
    found: dict[int, Snapshot] = {}
    rows = (
        Processor.objects.working()
        .dated()
        .filter(job__owner_id__in=list(user_ids))
        .select_related("job")
        .order_by("job")
    )
    for processor in rows:
        assert processor.job is not None
        entry = found.setdefault(processor.job.owner_id, {"time": iso(processor.read_at), "jobs": []})
        entry["jobs"].append(
            {
                "job_id": processor.job.job_id,
                "progress": processor.progress,
                "message": processor.message,
                "time_spent": round(processor.time_spent(processor.read_at), 6),
            }
        )
    return found


def _running(user_ids: list[int], now: datetime) -> dict[int, list[JobDict]]:
    found: dict[int, list[JobDict]] = defaultdict(list)
    held = Processor.objects.working().filter(job__owner_id__in=user_ids).values("job")
    for job in Job.objects.listed().filter(pk__in=held).order_by("pk"):
        found[job.owner_id].append(describe(job, now, ended=job.ended, processor=job.processor))
    return found


def _waiting(
    users: list[User], fleet: FleetNow, pauses: Pauses, now: datetime
) -> tuple[dict[int, list[JobDict]], dict[int, int]]:
    """The first waiting jobs of each user with position and estimated start, and how many there are."""
    with connection.cursor() as cursor:
        cursor.execute(_WAITING, [[user.pk for user in users], FARTHEST + 1, FIRST])
        rows = cursor.fetchall()
    many = defaultdict(int, {user: count for user, *_, count in rows})
    place_of = positions({flow for _, _, flow, *_ in rows}, [job for _, job, *_ in rows])
    jobs = Job.objects.brief().in_bulk([job for _, job, *_ in rows])
    standing = {user.flow_id: fleet.standing(user.flow.state) for user in users if user.flow is not None}
    found: dict[int, list[JobDict]] = defaultdict(list)
    for user, job, flow, note, moment, _ in rows:
        place = place_of.get(job)
        sure = None if pauses.everything else place
        # A job outside all flows: of its start no more is known than the moment that it waits for.
        at = moment if flow is None and not pauses.stops(user, jobs[job].task) else None
        found[user].append(
            describe(jobs[job], now, position=place.position if place else None, note=note)
            | {"estimated_start": iso(at) or _estimate(job, sure, standing.get(flow, Standing()), fleet, now)}
        )
    return found, many


def _estimate(job: int, place: Position | None, standing: Standing, fleet: FleetNow, now: datetime) -> str | None:
    if place is None:
        return None
    wait = fleet.projection.seconds_until_start(standing, job, place.ahead)
    # What lies further off is no estimate, and a moment that Python cannot hold must not fail everybody's look.
    return None if wait is None or wait > FURTHEST_ESTIMATE else iso(now + timedelta(seconds=wait))


def _share(user: User, fleet: FleetNow, pauses: Pauses) -> dict[str, Any]:
    """What the user's flow is owed now, nothing while the user is paused; of a user without a flow yet, what a flow of
    weight 1 would be."""
    standing = fleet.standing(user.flow.state) if user.flow is not None else Standing(active=False)
    return {
        "owed": 0.0 if pauses.stops(user.pk) else round(share_owed(standing, fleet.fleet), 4),
        "weight": standing.weight,
        "flow": user.flow.name if user.flow is not None else user.username,
        "flows": others_and_own(standing, fleet.fleet)[0],
        "cap": standing.cap,
    }
