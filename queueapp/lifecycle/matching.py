"""Acts on all jobs of one owner that match a filter: cancels, retries or moves them."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from django.db import connection

from ..db.clock import at_one_moment
from ..db.routines import versioned
from ..errors import BacklogFull, FieldError, InvalidFilter
from ..models import Job, Owner, Processor
from ..states import RETRYABLE
from .batches import in_batches
from .cancel import cancel_jobs
from .job_filter import CancelFilter, Cancelled, JobFilter, Moved, MoveFilter, Retried, RetryFilter
from .quota import make_room
from .reorder import reorder_jobs
from .retry import try_again_jobs

MAX_JOBS = 100_000
"""Maximum number of jobs that one request acts on."""
MAX_MOVED = 10_000
"""Maximum number of jobs that one request moves."""
MAX_SECONDS = 10.0
"""Seconds after which a request begins no further batch."""

_WAITING = "SELECT job_id FROM queueapp_waiting WHERE owner_id = %(owner)s"
_IN_TURNS = "SELECT unnest(%(held)s::bigint[]) AS job_id"
_ENDED = "SELECT job_id FROM queueapp_outcome WHERE owner_id = %(owner)s AND status = ANY (%(states)s)"
# Each job is found by its key, whatever the statistics say. After a burst they may say that the owner has one job, and
# the planner would compare each candidate with all jobs of the prefix.
_MATCHING = versioned("""
    SELECT c.job_id FROM ({}) AS c, queueapp_job_by_id(c.job_id) AS j
     WHERE (%(named)s::bigint[] IS NULL OR c.job_id = ANY (%(named)s::bigint[]))
       AND j.owner_id = %(owner)s
       AND (%(task)s::text IS NULL OR j.task = %(task)s)
       AND (%(prefix)s::text IS NULL OR starts_with(j.name, %(prefix)s))
       AND (%(submitted_after)s::timestamptz IS NULL OR j.submitted_at >= %(submitted_after)s)
       AND (%(submitted_before)s::timestamptz IS NULL OR j.submitted_at < %(submitted_before)s)
     ORDER BY c.job_id LIMIT %(most)s
""")
_OPTIONAL = ("named", "task", "prefix", "submitted_after", "submitted_before")


def cancel_matching(owner: Owner, asked: CancelFilter) -> Cancelled:
    """Cancel an owner's jobs that match now: those that wait end as cancelled, those that run are asked to stop.

    With status `queued`, jobs that begin meanwhile run on. At most MAX_JOBS, in about MAX_SECONDS; the oldest first.
    What is done when a request is cut off stays done. Locks: as cancel_jobs(), batch by batch.
    """
    until = time.monotonic() + MAX_SECONDS
    with at_one_moment():
        jobs = set(_find(_IN_TURNS, owner, asked, held=_turns(asked.status)))
        waiting = _find(_WAITING, owner, asked) if asked.status != "running" else []
    jobs.update(waiting[:MAX_JOBS])
    came = cancel_jobs(owner.pk, jobs, stop=asked.status != "queued", until=until)
    changed = len(came.cancelled) + len(came.stopping)
    return Cancelled(
        cancelled=len(came.cancelled),
        stopping=len(came.stopping),
        unchanged=_named(asked, jobs) - changed - len(came.left),
        more=len(waiting) > MAX_JOBS or bool(came.left),
    )


def try_again_matching(owner: Owner, asked: RetryFilter) -> Retried:
    """Let an owner's failed and cancelled jobs that match now wait again, in their places.

    Bounds as of cancel_matching(). The jobs count towards the owner's quota: raises BacklogFull if it has no room at
    all. Locks: as try_again_jobs(), batch by batch.
    """
    until = time.monotonic() + MAX_SECONDS
    found = _find(_ENDED, owner, asked, states=[asked.status] if asked.status else list(RETRYABLE))
    jobs = found[:MAX_JOBS]
    retried = reached = 0
    for batch in in_batches(jobs, until):
        try:
            fitting = _fitting(owner, batch)
        except BacklogFull:
            if not reached:
                raise
            break
        retried += try_again_jobs(owner.pk, fitting)
        reached += len(fitting)
        if len(fitting) < len(batch):
            break
    unchanged = _named(asked, jobs) - retried - (len(jobs) - reached)
    return Retried(retried=retried, unchanged=unchanged, more=reached < len(found))


def move_matching(owner: Owner, asked: MoveFilter) -> Moved:
    """Move an owner's waiting jobs that match now to an end of the owner's own flow. They keep their order.

    Raises InvalidFilter if more than MAX_MOVED match, and NotMovable as reorder_jobs(). What is done when a request is
    cut off stays done. Locks: as reorder_jobs(), batch by batch.
    """
    jobs = _find(_WAITING, owner, asked)
    if len(jobs) > MAX_MOVED:
        raise InvalidFilter([FieldError("filter", f"more than {MAX_MOVED:,} waiting jobs match; move fewer at once")])
    moved = len(reorder_jobs(owner.pk, jobs, front=asked.to == "front"))
    return Moved(moved=moved, unchanged=_named(asked, jobs) - moved)


def _fitting(owner: Owner, batch: list[int]) -> list[int]:
    """Reserve room in the owner's quota for the first of these jobs, all, half or a quarter of them and so on.

    Raises BacklogFull if there is none for one.
    """
    while True:
        try:
            make_room({owner.pk: len(batch)})
        except BacklogFull:
            if len(batch) == 1:
                raise
            batch = batch[: len(batch) // 2]
        else:
            return batch


def _named(asked: JobFilter, found: Iterable[int]) -> int:
    """Return how many jobs were asked for: names, or those found."""
    return len(set(asked.job_ids if "job_ids" in asked.model_fields_set else found))


def _turns(status: str | None) -> list[int]:
    """Return the jobs in processors' turns: those that run, those that are not started, or all."""
    turns = list(Processor.objects.working().values_list("job_id", "jobs"))
    running = {job for job, _ in turns}
    held = {job for _, jobs in turns for job in jobs} | running
    return list({"running": running, "queued": held - running}.get(status or "", held))


def _find(candidates: str, owner: Owner, asked: JobFilter, **parameters: Any) -> list[int]:
    """Return the candidates that match, in the order of submission: at most MAX_JOBS + 1, so more are known of."""
    given = asked.model_dump(exclude_unset=True)
    if names := given.get("job_ids"):
        parameters["named"] = list(Job.objects.of(owner.pk).filter(name__in=names).values_list("pk", flat=True))
    parameters |= {"owner": owner.pk, "most": MAX_JOBS + 1}
    with connection.cursor() as cursor:
        cursor.execute(_MATCHING.format(candidates), dict.fromkeys(_OPTIONAL) | given | parameters)
        return [job for (job,) in cursor.fetchall()]
