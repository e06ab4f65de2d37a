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
from ..lifecycle.validation import MIN_DURATION_SECONDS, parse
from ..models import Job, Owner, Processor
from ..swf import Entry, Malformed, read_log
from ..user_model import user_named

POLL_SECONDS = 0.5
"""Seconds between queries of the progress."""
NO_PROCESSOR_SECONDS = 5.0
"""Seconds without a live processor after which the replay gives up."""
BATCH_JOBS = 500
"""Maximum number of jobs in one submission."""
ZERO = 1.0
"""Log seconds that run time 0 stands for: logs count in whole seconds."""
Show = Callable[[int], None]
"""Receives the number of jobs submitted, or ended, about twice a second. A slow query or submission delays it."""

# One statement, and so one snapshot: a job that goes from one table to another is found in one of them.
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
     WHERE j.id > %s AND j.owner_id = ANY (%s) AND starts_with(j.name, %s)
"""


class NotReplayable(QueueError):
    """This log cannot be replayed like that."""


@dataclass(frozen=True)
class Pace:
    """The scale of log time.

    `speed`: log seconds per second. `unknown`: log seconds that stand for an unknown run time.
    """

    speed: float
    unknown: float = 60.0

    def duration(self, entry: Entry) -> float:
        """Return the processor seconds that the job declares, and takes."""
        log_time = self.unknown if entry.run_time is None else entry.run_time or ZERO
        return max(log_time / self.speed, MIN_DURATION_SECONDS)


@dataclass(frozen=True)
class Log:
    """The jobs of a log that can be replayed, and the lines that cannot with the reasons, in the order of the log."""

    entries: list[Entry] = field(default_factory=list)
    malformed: list[Malformed] = field(default_factory=list)
    too_long: list[Malformed] = field(default_factory=list)

    def without_run_time(self) -> tuple[int, int]:
        """Return the number of unknown run times, and the number of those that are 0."""
        times = [entry.run_time for entry in self.entries]
        return times.count(None), times.count(0.0)


@dataclass(frozen=True)
class Progress:
    """The jobs of a run at one moment.

    Waits are in seconds, from submission to start, of the jobs that ended and were started. `time_spent`: processor
    seconds of all jobs that ended.
    """

    ended: int
    unfinished: int
    succeeded: int
    failed: int
    median_wait: float | None
    p95_wait: float | None
    time_spent: float


def load(path: Path, pace: Pace, limit: int | None = None) -> Log:
    """Return the first `limit` jobs of a log that can be replayed (None: all).

    Raises UnreadableLog, so before any job is submitted.
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
    owners = {user: Owner.objects.of_user(known) for user, known in zip(users, given.values(), strict=False) if known}
    return owners | {user: Owner.objects.of_key(key_of(user)) for user in users if user not in owners}


class Replay:
    """One run of a log. Its jobs are called swf-NAME:NUMBER, with the name of the run and the log's job number."""

    def __init__(self, log: Log, owners: dict[int | None, Owner], pace: Pace, name: str) -> None:
        """Raises NotReplayable if these owners have jobs of a run of this name."""
        self.entries, self.owners, self.pace = log.entries, owners, pace
        self.prefix = f"swf-{name}:"
        self.ids = sorted({owner.pk for owner in owners.values()})
        if Job.objects.filter(owner__in=self.ids, name__startswith=self.prefix).exists():
            raise NotReplayable(f"There are jobs of a run named {name!r} already: choose another name.")
        # Keeps older jobs out of the query of the progress.
        self.floor: int = Job.objects.aggregate(last=Max("pk"))["last"] or 0
        self.submitted = 0
        self.accepted = 0
        self._highest = -1

    def submit_all(self, show: Show) -> None:
        """Submit every job in the order of the file, none before its moment.

        A job that stands behind one of a later moment is due at once. Neighbours of one user that are due share a
        submission. Jobs of several users never do, so the order over all users holds too.
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
        """Wait until no job of the run waits or runs. Return a sentence on why it gave up, or "".

        It gives up after `timeout` seconds (None: never), or if no processor is alive for NO_PROCESSOR_SECONDS seconds.
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
            elif now - alive_at >= NO_PROCESSOR_SECONDS:
                return f"No processor is alive: {progress.unfinished:,} jobs still wait or run."
            if timeout is not None and now - begun >= timeout:
                return f"After {timeout:g} seconds, {progress.unfinished:,} jobs still wait or run."
            # The query of a very long log is slow, and must not slow the processors down.
            time.sleep(max(POLL_SECONDS, 4 * (now - asked)))

    def progress(self) -> Progress:
        """Return the present progress. One query."""
        with connection.cursor() as cursor:
            cursor.execute(_PROGRESS, [self.floor, self.ids, self.prefix])
            return Progress(*cursor.fetchone())

    def lost(self, progress: Progress) -> int:
        """Return the number of accepted jobs that neither wait nor run nor ended."""
        return max(self.accepted - progress.ended - progress.unfinished, 0)

    def _due(self, index: int) -> float:
        return (self.entries[index].submit - self.entries[0].submit) / self.pace.speed

    def _wait_for(self, moment: float, show: Show) -> None:
        while (left := moment - time.monotonic()) > 0:
            show(self.submitted)
            time.sleep(min(left, POLL_SECONDS))

    def _batch(self, elapsed: float) -> list[Entry]:
        """Return the next job and those directly behind it that are of the same user and due, at most BATCH_JOBS."""
        first = self.submitted
        end = first + 1
        most = min(first + BATCH_JOBS, len(self.entries))
        while end < most and self.entries[end].user == self.entries[first].user and self._due(end) <= elapsed:
            end += 1
        return self.entries[first:end]

    def _name(self, entry: Entry) -> str:
        """Return the job's name in the queue. It is unique in the run, even if the log repeats or lacks a number."""
        if entry.number > self._highest:
            self._highest = entry.number
            return f"{self.prefix}{entry.number}"
        return f"{self.prefix}{entry.number}-line-{entry.line}"
