"""A queue as a page shows it: the newest state that the events so far tell of."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from .shapes import Completed, Estimates, Event, Job, Progress, Queue, Reset, WaitingJob

STALE = timedelta(seconds=2)
"""For so long after its end, a queue that lists a job is older than its completion. Later, the job was retried."""
MAX_ENDED = 1_000


def start_after(tag: float, estimates: Estimates) -> float:
    """Return the seconds from the estimates' `time` until a job with this tag starts.

    Between two points of `starts` it is interpolated. The first point stands for all tags before it. Beyond the last
    one, each unit of the tag takes `pace` seconds.
    """
    points = estimates.starts
    if not points:
        return 0.0
    after = bisect_left(points, tag, key=lambda point: point[0])
    if after == 0:
        return points[0][1]
    (tag_before, before) = points[after - 1]
    if after == len(points):
        return before + (tag - tag_before) * estimates.pace
    (tag_after, behind) = points[after]
    return before + (tag - tag_before) / (tag_after - tag_before) * (behind - before)


class QueueView:
    """The queue after all events so far; None before the first. `clock`: monotonic seconds.

    `queue` has progress, estimated starts, share and processors as they are now, and no job that has ended.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.queue: Queue | None = None
        self._clock = clock
        self._ahead: float | None = None
        self._spent_at: dict[str, datetime] = {}
        self._ended: dict[str, datetime] = {}

    def apply(self, event: Event) -> None:
        """Take an event in. One that is older than what is known changes nothing."""
        match event:
            case Queue():
                self._apply_queue(event)
            case Reset():
                self._apply_queue(event.queue)
            case Progress():
                self._apply_progress(event)
            case Estimates():
                self._apply_estimates(event)
            case Completed():
                self._apply_completed(event.job)

    def now(self) -> datetime:
        """Return the time by the server's clock, which the events tell."""
        seconds = self._clock() + (self._ahead if self._ahead is not None else time.time() - self._clock())
        return datetime.fromtimestamp(seconds, UTC)

    def time_spent(self, job: Job) -> float:
        """Return the processor seconds that a running job has spent by now."""
        told_at = self._spent_at.get(job.job_id)
        return job.time_spent if told_at is None else job.time_spent + max((self.now() - told_at).total_seconds(), 0)

    def _tell_time(self, moment: datetime) -> None:
        ahead = moment.timestamp() - self._clock()
        self._ahead = ahead if self._ahead is None else max(self._ahead, ahead)

    def _apply_queue(self, queue: Queue) -> None:
        self._tell_time(queue.time)
        if self.queue is not None and queue.time < self.queue.time:
            return
        self.queue = queue
        self._spent_at = {job.job_id: queue.time for job in queue.running}
        self._drop_ended()

    def _apply_progress(self, progress: Progress) -> None:
        self._tell_time(progress.time)
        if self.queue is None:
            return
        news = {job.job_id: job for job in progress.jobs}
        running = []
        for job in self.queue.running:
            newer = news.get(job.job_id)
            if newer is not None and newer.time_spent >= job.time_spent:
                self._spent_at[job.job_id] = progress.time
                job = replace(job, progress=newer.progress, message=newer.message, time_spent=newer.time_spent)
            running.append(job)
        self.queue = replace(self.queue, running=running)

    def _apply_estimates(self, estimates: Estimates) -> None:
        self._tell_time(estimates.time)
        if self.queue is None:
            return
        share = self.queue.share
        for one in estimates.shares if share.owed > 0 else []:  # 0: paused
            if (one.weight, one.cap, one.active) == (share.weight, share.cap, share.active):
                share = replace(share, owed=one.owed, flows=one.flows)
        waiting = [_with_start(job, estimates) for job in self.queue.waiting]
        self.queue = replace(self.queue, waiting=waiting, share=share, processors=estimates.processors)

    def _apply_completed(self, job: Job) -> None:
        self._ended.pop(job.job_id, None)
        self._ended[job.job_id] = max(self.now(), job.finished_at or self.now()) + STALE
        while len(self._ended) > MAX_ENDED:
            del self._ended[next(iter(self._ended))]
        self._drop_ended()

    def _drop_ended(self) -> None:
        queue = self.queue
        if queue is None:
            return

        def is_on(job: Job) -> bool:
            until = self._ended.get(job.job_id)
            return until is None or queue.time > until

        running, waiting = list(filter(is_on, queue.running)), list(filter(is_on, queue.waiting))
        self.queue = replace(queue, running=running, waiting=waiting)


def _with_start(job: WaitingJob, estimates: Estimates) -> WaitingJob:
    if job.tag is None:
        return job
    return replace(job, estimated_start=estimates.time + timedelta(seconds=start_after(job.tag, estimates)))
