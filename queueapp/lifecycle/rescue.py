"""Rescues the turns of processors that died: their jobs go back to their places."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from functools import partial

from django.db import connection

from ..db.conflicts import retried
from ..db.routines import versioned
from ..models import Job, Processor
from ..registry import find_task, max_attempts
from .announce import announce

logger = logging.getLogger(__name__)

_RESCUE = versioned("SELECT queueapp_rescue(%s, %s, %s, %s, %s, %s)")
DIED = "Its processor died while it ran."


def rescue_overdue() -> int:
    """Take back the turns of all processors whose lease ran out, and delete their rows. Return how many had jobs.

    The only job of a turn has lost an attempt. In a turn of several jobs nobody knows which one ran: none loses an
    attempt, and each is taken in a turn of its own next time. Nor does a job whose task this process does not have.
    """
    return _rescue(Processor.objects.overdue(), blame=True)


def rescue_ended(processors: Iterable[Processor]) -> int:
    """Rescue, like rescue_overdue(), processors whose processes ended by themselves or lost the outcomes of a turn."""
    return _rescue(processors, blame=True)


def rescue_cluster(cluster: str) -> int:
    """Take back the turns of a cluster that was stopped or is stuck. No job loses an attempt."""
    return _rescue(Processor.objects.filter(cluster=cluster), blame=False)


def _rescue(processors: Iterable[Processor], *, blame: bool) -> int:
    rescued = 0
    for processor in processors:
        owners = retried(partial(_take_back, processor, blame)) if processor.jobs else []
        if owners:
            rescued += 1
            if blame:
                logger.warning("Took back the jobs of processor %s, whose process ended or was cut off.", processor)
            announce(owners, work=True)
        # Only if it still holds nothing: a late heartbeat may have changed that.
        Processor.objects.filter(pk=processor.pk, jobs=[], lease_until=processor.lease_until).delete()
    return rescued


def _take_back(processor: Processor, blame: bool) -> list[int]:
    [only] = processor.jobs if blame and len(processor.jobs) == 1 else [None]
    task = Job.objects.values_list("task", flat=True).get(pk=only) if only is not None else ""
    if find_task(task) is None:  # of another version of the site: how many attempts it has is known there
        only = None
    with connection.cursor() as cursor:
        cursor.execute(
            _RESCUE,
            [processor.pk, processor.turn, only, max_attempts(task), DIED, blame],
        )
        owners: list[int] = cursor.fetchone()[0]
        return owners
