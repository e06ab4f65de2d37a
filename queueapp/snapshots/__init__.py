"""Read-only views: jobs as users see them, queues with positions and estimates, completions."""

from .completions import (
    BATCH_COMPLETIONS,
    Completion,
    StreamStart,
    completions_after,
    ended_of,
    last_number,
    make_durable,
    stream_starts,
)
from .fleet import FleetNow, fleet_now
from .history import Page, Place, count_jobs, find_jobs
from .job_log import job_log
from .jobs import job_dict, job_dicts, new_job_dict, recent_jobs
from .predictions import Predictions
from .queues import LIVE_WAITING, MAX_WAITING, progress_snapshots, queue_snapshot, queue_snapshots
from .use import use_of
from .waiting import explain_wait

__all__ = [
    "BATCH_COMPLETIONS",
    "LIVE_WAITING",
    "MAX_WAITING",
    "Completion",
    "FleetNow",
    "Page",
    "Place",
    "Predictions",
    "StreamStart",
    "completions_after",
    "count_jobs",
    "ended_of",
    "explain_wait",
    "find_jobs",
    "fleet_now",
    "job_dict",
    "job_dicts",
    "job_log",
    "last_number",
    "make_durable",
    "new_job_dict",
    "progress_snapshots",
    "queue_snapshot",
    "queue_snapshots",
    "recent_jobs",
    "stream_starts",
    "use_of",
]
