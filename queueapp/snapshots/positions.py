"""Positions of waiting jobs in their flow."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import connection

from ..db.routines import versioned

MAX_POSITION = 10_000
"""Jobs of a flow that are counted. A job behind them has no position to show."""

# The waiting jobs of each flow, numbered in order up to the last place asked for there, with the work before each. Of
# these only the jobs asked for are returned.
_PLACES = versioned("""
    SELECT p.job_id, p.position, p.ahead
      FROM unnest(%s::bigint[], %s::bigint[]) AS f(id, last_place)
     CROSS JOIN LATERAL (
           SELECT job_id, row_number() OVER (ORDER BY place, job_id) AS position,
                  coalesce(sum(expected) OVER (
                      ORDER BY place, job_id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0)
                  * (SELECT ratio FROM queueapp_flowstate WHERE flow_id = f.id ORDER BY revision DESC LIMIT 1) AS ahead
             FROM (SELECT job_id, expected, queueapp_place_of(moved_to, job_id) AS place FROM queueapp_waiting
                    WHERE flow_id = f.id AND queueapp_place_of(moved_to, job_id) <= f.last_place
                    ORDER BY queueapp_place_of(moved_to, job_id), job_id LIMIT %s) AS head
           ) AS p
     WHERE p.job_id = ANY (%s)
""")


@dataclass(frozen=True)
class Position:
    """`position`: from 1, in the flow. `ahead`: expected processor seconds of the jobs before it there."""

    position: int
    ahead: float


def positions(places: Iterable[tuple[int | None, int, int]]) -> dict[int, Position]:
    """Return the positions of jobs, given as flow, place and job, by job. One query; none without jobs.

    Jobs beyond MAX_POSITION or in no flow are left out.
    """
    last: dict[int, int] = {}
    jobs = []
    for flow, place, job in places:
        if flow is not None:
            last[flow] = max(place, last.get(flow, place))
            jobs.append(job)
    if not jobs:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_PLACES, [list(last), list(last.values()), MAX_POSITION, jobs])
        return {job: Position(position, ahead) for job, position, ahead in cursor.fetchall()}
