"""rescue: jobs of processors that died go back to their places."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from functools import partial

from django.db import connection

from ..models import Processor
from ..registry import max_attempts
from .announce import announce
from .retry import retried

logger = logging.getLogger(__name__)


def rescue_overdue() -> int:
    """Take back the turns of all processors whose lease ran out, and forget these; how many had jobs."""
    return _rescue(Processor.objects.overdue())


def rescue_cluster(cluster: str) -> int:
    """Take back the turns of a cluster's processors, whose processes have ended, and forget these."""
    return _rescue(Processor.objects.filter(cluster=cluster))


def _rescue(processors: Iterable[Processor]) -> int:
    rescued = 0
    for processor in processors:
        owners = retried(partial(_take_back, processor)) if processor.jobs else []
        if owners:
            rescued += 1
            logger.warning("Took back the jobs of processor %s, which gave no sign of life.", processor)
            announce(owners, work=True)
        # Only while it holds nothing: a late sign of life may have changed that.
        Processor.objects.filter(pk=processor.pk, jobs=[], lease_until=processor.lease_until).delete()
    return rescued


def _take_back(processor: Processor) -> list[int]:
    name = processor.job.task if processor.job is not None else ""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT queueapp_rescue(%s, %s, %s)",
            [processor.pk, processor.turn, max_attempts(name)],
        )
        owners: list[int] = cursor.fetchone()[0]
        return owners
