"""Replays a log of a shared computer: every job is submitted for its user when its moment of the log comes."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from django.db import connection
from django.db.models import Max

from ..conf import queue_settings
from ..errors import QueueError
from ..lifecycle.submit import submit
from ..lifecycle.validation import parse
from ..models import Job, Owner, Processor
from ..user_model import user_named
from .swf import Entry, Malformed, read_log

POLL = 0.5
"""Seconds between looks at how far the jobs are."""
PATIENCE = 5.0
"""Seconds without a live processor after which nobody will come to do the jobs."""
AT_ONCE = 500
"""Jobs in one submission at most."""
ZERO = 1.0
"""Seconds of log time that a job with run time 0 stands for: logs count in whole seconds."""
SHORTEST = 1e-6
"""Processor seconds that a job declares at the least, however fast the replay."""

Show = Callable[[int], None]
"""Told how many jobs are through, at least once a second."""

# Where the jobs of a run are, and how those that ended fared. One statement and so one snapshot: a job is
# found in one place, or in none, but never missed on its way from one to the other.
_PROGRESS = """
    SELECT count(o.job_id), count(w.job_id) + count(p.job_id),
           count(*) FILTER (WHERE o.status = 'succeeded'), count(*) FILTER (WHERE o.status = 'failed'),
           percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM o.started_at - j.submitted_at)),
           percentile_cont(0.95) WITHIN GROUP (ORDER BY extract(epoch FROM o.started_at - j.submitted_at)),
           coalesce(sum(o.time_spent), 0)
      FROM queueapp_job j
      LEFT JOIN queueapp_outcome o ON o.job_id = j.id
      LEFT JOIN queueapp_waiting w ON w.owner_id = j.owner_id AND w.job_id = j.id
      LEFT JOIN (SELECT DISTINCT unnest(jobs) AS job_id FROM queueapp_processor) p ON p.job_id = j.id
     WHERE j.id > %s AND j.owner_id = ANY (%s) AND starts_with(j.job_id, %s)
"""


class NotReplayable(QueueError):
    """This log cannot be replayed like that."""


@dataclass(frozen=True)
class Pace:
    """How log time becomes ours.

    `speed`: log seconds a second; `unknown`: log seconds that stand for an unknown run time.
    """

    speed: float
    unknown: float = 60.0

    def duration(self, entry: Entry) -> float:
        """Processor seconds that the job declares, and will take."""
        log_time = self.unknown if entry.run_time is None else entry.run_time or ZERO
        return max(log_time / self.speed, SHORTEST)


@dataclass(frozen=True)
class Log:
    """The jobs of a log that can be replayed, and the lines that cannot and why, as they stand in it."""

    entries: list[Entry] = field(default_factory=list)
    malformed: list[Malformed] = field(default_factory=list)
    too_long: list[Malformed] = field(default_factory=list)

    def without_run_time(self) -> tuple[int, int]:
        """How many run times are unknown, and how many are 0."""
        times = [entry.run_time for entry in self.entries]
        return times.count(None), times.count(0.0)


@dataclass(frozen=True)
class Progress:
    """The jobs of a run at one moment.

    Waits are those of the jobs that ended, from submission to start, and time spent is that of processors on
    them; both in seconds.
    """

    ended: int
    unfinished: int
    succeeded: int
    failed: int
    median_wait: float | None
    p95_wait: float | None
    time_spent: float


def load(path: Path, pace: Pace, limit: int | None = None) -> Log:
    """The first `limit` jobs of a log (None: all), read to the end before any is submitted.

    Raises UnreadableLog.
    """
    log = Log()
    longest = queue_settings().MAX_DURATION_SECONDS
    for found in read_log(path):
        if isinstance(found, Malformed):
            log.malformed.append(found)
        elif (duration := pace.duration(found)) > longest:
            reason = f"takes {duration:,.0f} s at this speed, more than the {longest:,.0f} s of the longest job"
            log.too_long.append(Malformed(found.line, reason))
        else:
            log.entries.append(found)
            if len(log.entries) == limit:
                break
    return log


def key_of(user: int | None) -> str:
    """Return the fairness key that a user of a log gets."""
    return f"log-user-{'unknown' if user is None else user}"


def owners_of(log: Log, names: Sequence[str] = ()) -> dict[int | None, Owner]:
    """Return the owner of each user's jobs, by the log's number of the user.

    The first users to appear get the project's users `names`, in this order. Each of the others gets a fairness key.
    Raises NotReplayable if one of `names` is unknown or there twice.
    """
    users = list(dict.fromkeys(entry.user for entry in log.entries))
    if len(set(names)) < len(names):
        raise NotReplayable("One user cannot stand for two users of the log.")
    given = {name: user_named(name) for name in names}
    if missing := [name for name, user in given.items() if user is None]:
        raise NotReplayable(f"There is no active user named {missing[0]!r}.")
    stand_in = dict(zip(users, given.values(), strict=False))
    return {
        user: Owner.objects.of_key(key_of(user))
        if (found := stand_in.get(user)) is None
        else Owner.objects.of_user(found)
        for user in users
    }


class Replay:
    """One run of a log: its jobs are called swf-NAME:NUMBER, where NAME is the run's and NUMBER the log's."""

    def __init__(self, log: Log, owners: dict[int | None, Owner], pace: Pace, name: str) -> None:
        """Raises NotReplayable where these owners have jobs of a run of this name."""
        self.entries, self.owners, self.pace = log.entries, owners, pace
        self.prefix = f"swf-{name}:"
        self.ids = sorted({owner.pk for owner in owners.values()})
        if Job.objects.filter(owner__in=self.ids, job_id__startswith=self.prefix).exists():
            raise NotReplayable(f"There are jobs of a run named {name!r} already: choose another name.")
        # Spares the look at jobs from before.
        self.floor: int = Job.objects.aggregate(last=Max("pk"))["last"] or 0
        self.submitted = 0
        self.accepted = 0
        self._highest = -1

    def submit_all(self, show: Show) -> None:
        """Submit every job in the order of the file, none before its moment.

        One that stands behind a later one is due at once. Neighbours of one user that are due go in one
        submission; never jobs of several users, so that the order over all of them holds too.
        """
        begun = time.monotonic()
        while self.submitted < len(self.entries):
            self._wait_for(begun + self._due(self.submitted), show)
            batch = self._batch(time.monotonic() - begun)
            submissions = [parse({"job_id": self._name(e), "duration": self.pace.duration(e)}) for e in batch]
            self.accepted += submit(self.owners[batch[0].user], submissions).accepted
            self.submitted += len(batch)
            show(self.submitted)

    def wait(self, show: Show, timeout: float | None = None) -> str:
        """Wait until none of the jobs waits or runs. Returns why it gave up; empty: it did not.

        `timeout`: seconds that it waits at most; None: as long as it takes.
        """
        begun = alive_at = time.monotonic()
        while True:
            asked = time.monotonic()
            progress = self.progress()
            show(progress.ended)
            now = time.monotonic()
            if not progress.unfinished:
                return ""
            if Processor.objects.alive().exists():
                alive_at = now
            elif now - alive_at >= PATIENCE:
                return f"No processor is alive: {progress.unfinished:,} jobs still wait or run."
            if timeout is not None and now - begun >= timeout:
                return f"After {timeout:g} seconds, {progress.unfinished:,} jobs still wait or run."
            # Of a very long log, the look itself takes time: it must not take it from the processors.
            time.sleep(max(POLL, 4 * (now - asked)))

    def progress(self) -> Progress:
        """How far the jobs are now."""
        with connection.cursor() as cursor:
            cursor.execute(_PROGRESS, [self.floor, self.ids, self.prefix])
            return Progress(*cursor.fetchone())

    def lost(self, progress: Progress) -> int:
        """Jobs that were accepted, and neither wait nor run nor ended."""
        return max(self.accepted - progress.ended - progress.unfinished, 0)

    def _due(self, index: int) -> float:
        return (self.entries[index].submit - self.entries[0].submit) / self.pace.speed

    def _wait_for(self, moment: float, show: Show) -> None:
        while (left := moment - time.monotonic()) > 0:
            show(self.submitted)
            time.sleep(min(left, POLL))

    def _batch(self, elapsed: float) -> list[Entry]:
        """The next jobs of one user that are due."""
        first = self.submitted
        end = first + 1
        most = min(first + AT_ONCE, len(self.entries))
        while end < most and self.entries[end].user == self.entries[first].user and self._due(end) <= elapsed:
            end += 1
        return self.entries[first:end]

    def _name(self, entry: Entry) -> str:
        """The job's name in the queue, unique in the run also where the log repeats or lacks a number."""
        if entry.number > self._highest:
            self._highest = entry.number
            return f"{self.prefix}{entry.number}"
        return f"{self.prefix}{entry.number}-line-{entry.line}"
