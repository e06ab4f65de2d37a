"""Lists of an owner's jobs, of any state, in pages; and how many there are in each state."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from django.db import connection

from ..db.clock import at_one_moment
from ..models import Job, Processor
from . import shapes
from .jobs import job_dicts
from .search import search

MAX_COUNTED = 100_000
"""Jobs of one state that are counted, at most. One more means: more than these."""

_COUNTS = """
    SELECT (SELECT count(*) FROM (SELECT FROM queueapp_waiting WHERE owner_id = %(owner)s LIMIT %(most)s) AS w),
           (SELECT count(*) FROM queueapp_job WHERE owner_id = %(owner)s AND id = ANY (%(claimed)s::bigint[])),
           (SELECT count(*) FROM queueapp_job WHERE owner_id = %(owner)s AND id = ANY (%(running)s::bigint[])),
           (SELECT count(*) FROM (
                SELECT FROM queueapp_outcome WHERE status = 'failed' AND owner_id = %(owner)s LIMIT %(most)s) AS f),
           (SELECT count(*) FROM (
                SELECT FROM queueapp_outcome WHERE status = 'cancelled' AND owner_id = %(owner)s LIMIT %(most)s) AS c)
"""
_ENDED = """
    SELECT count(*) FROM (
        SELECT FROM queueapp_outcome WHERE owner_id = %(owner)s AND number > 0 ORDER BY number LIMIT %(most)s) AS e
"""


class Place(NamedTuple):
    """Where a page begins: after this job of the list. `backwards`: it ends before this job."""

    job: int
    backwards: bool = False

    def __str__(self) -> str:
        return f"{'-' if self.backwards else ''}{self.job}"

    @classmethod
    def parse(cls, text: str) -> Place | None:
        """Return the place that str() wrote; None if it is none."""
        return cls(int(text.lstrip("-")), text[0] == "-") if re.fullmatch(r"-?[0-9]{1,18}", text) else None


class Page(NamedTuple):
    """Jobs of a list, in its order, and the places of the pages after it and before it, if there are any."""

    jobs: list[shapes.Job]
    next: Place | None
    previous: Place | None


def find_jobs(owner: int, asked: Mapping[str, Any], place: Place | None, size: int) -> Page:
    """Return a page of an owner's jobs that match: see search(). The place None: the first page.

    A page may have fewer jobs than `size`, even none, and still a next one: the search goes on there.
    """
    oldest_first = asked.get("sort") == "oldest"
    backwards = place is not None and place.backwards
    descending = oldest_first == backwards
    with at_one_moment() as now:
        found, end = search(owner, asked, beyond=place and place.job, descending=descending, size=size)
        listed = Job.objects.listed().in_bulk(found)
        jobs = job_dicts([listed[job] for job in found], now)
    # The page on the side that this one comes from. It begins with the job at the place itself if nothing is here.
    back = None
    if place is not None:
        back = Place(found[0] if found else place.job + (-1 if descending else 1), not backwards)
    on = Place(end, backwards) if end is not None else None
    return Page(jobs[::-1], back, on) if backwards else Page(jobs, on, back)


def count_jobs(owner: int) -> shapes.Counts:
    """Return how many jobs the owner has in each state, up to MAX_COUNTED of each. At most four queries."""
    with at_one_moment(), connection.cursor() as cursor:
        running = list(Processor.objects.working().values_list("job_id", flat=True))
        claimed = Processor.objects.not_started()
        given: dict[str, Any] = {"owner": owner, "claimed": claimed, "running": running, "most": MAX_COUNTED + 1}
        cursor.execute(_COUNTS, given)
        waiting, in_turns, runs, failed, cancelled = cursor.fetchone()
        succeeded = None
        if max(failed, cancelled) <= MAX_COUNTED:
            cursor.execute(_ENDED, given | {"most": MAX_COUNTED + 1 + failed + cancelled})
            succeeded = cursor.fetchone()[0] - failed - cancelled
    return {
        "queued": min(waiting + in_turns, MAX_COUNTED + 1),
        "running": runs,
        "succeeded": succeeded,
        "failed": failed,
        "cancelled": cancelled,
    }
