"""One turn while its jobs run: outcomes, heartbeats, limits, and the job to blame when a task process died."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping

from django.db import DatabaseError, InterfaceError

from ..conf import queue_settings
from ..db.sessions import is_passing, reason
from ..lifecycle.announce import announcer
from ..lifecycle.outcome import JobOutcome, settle_part, still_held
from ..lifecycle.processors import Beat, heartbeat
from ..lifecycle.reports import AttemptReport, write_reports
from ..lifecycle.turn import ClaimedJob, Turn
from ..policy.scheduler import TURN_QUANTA
from ..registry import find_task
from . import connection_slots
from .connection_slots import give_back_connection
from .job_reports import Said, parsed
from .outcomes import died_outcome, ended_outcome, without_refused
from .shared_memory import NOTHING_SAID, Stop
from .task_process import Event, TaskProcess

logger = logging.getLogger(__name__)

MEMORY_LOOK = 0.25
"""Seconds between two looks at the memory of a job that has a memory limit."""
LIVE_EVERY = 1.0
"""Seconds between two times that the end of a running job's log is stored, at least."""
PAUSE = 0.2
"""Seconds before another task process, if one died between two jobs."""


class RunningTurn:
    """Runs a turn in a task process. `done`: outcomes that are not settled yet."""

    def __init__(self, processor: int, turn: Turn, process: TaskProcess, done: list[JobOutcome]) -> None:
        self.process = process
        self.done = done
        self.in_doubt = False
        """Whether outcomes in `done` may be settled already: a statement failed, and its answer may be lost."""
        self._processor = processor
        self._turn = turn
        self._jobs: dict[int, ClaimedJob] = dict(enumerate(turn.jobs))
        self._limits = {index: _limits(job) for index, job in self._jobs.items()}
        self._released = self._settled_part = len(turn.jobs) == 1
        self._began = self._beaten_at = self._heard_at = time.monotonic()
        self._stop = Stop.NO
        self._stop_at: list[float] = []
        self._kept = True
        self._stopping = False
        self._died: tuple[ClaimedJob, JobOutcome] | None = None
        self.reports: list[AttemptReport] = []
        """Reports of jobs that ended, not stored yet. Outcomes are settled after them."""
        self._live = NOTHING_SAID
        """What of the present job's report is stored."""
        self._live_at = self._began
        self._said = Said()
        """What the present job had said when it was stored last: while it writes, it cannot be read."""

    def work_through(self) -> list[JobOutcome]:
        """Run the jobs; return the outcomes not settled yet. Settling with these puts back the jobs not started."""
        self._begin(self._jobs)
        announcer.try_to_send()  # meanwhile the task process works
        while True:
            event = self._wait(self._seconds_to_next_look())
            self._collect()
            if event is Event.TURN_OVER:
                return self.done
            if event is Event.ENDED and not self._go_on_with_another():
                return self.done
            if event is Event.NOTHING:
                self._look(time.monotonic())

    def _wait(self, seconds: float) -> Event:
        """Wait for the task process. Where connections are scarce, give this worker's back before a long wait."""
        short = queue_settings().QUANTUM_SECONDS
        if connection_slots.workers.scarce and seconds > short:
            if (event := self.process.wait(short)) is not Event.NOTHING:
                return event
            give_back_connection()
            seconds -= short
        return self.process.wait(seconds)

    def _begin(self, jobs: Mapping[int, ClaimedJob]) -> None:
        memory = {index: self._limits[index][1] for index in jobs}
        self.process.begin(jobs, memory)
        self._heard_at = time.monotonic()

    def _collect(self) -> None:
        """Turn the records of ended jobs into outcomes."""
        for record in self.process.records():
            job = self._jobs.pop(record.place, None)
            if job is not None:
                self._heard_at = time.monotonic()
                self._note_report(job, parsed(record.said))
                self.done.append(ended_outcome(job, record, self._stop_of(record.place), self._limits[record.place]))

    def _note_report(self, job: ClaimedJob, said: Said | None) -> None:
        """Keep what a job said that has ended. If the end of its log was stored while it ran, that is to go."""
        if said is not None or self._live != NOTHING_SAID:
            self.reports.append(AttemptReport(job.id, job.attempt, *(said or Said())))

    def _present(self) -> tuple[int, ClaimedJob, float] | None:
        """Return the index of the job that runs, the job, and its start by time.monotonic."""
        index, started = self.process.memory.present()
        job = self._jobs.get(index)
        return None if job is None else (index, job, min(started, time.monotonic()))

    def _stop_of(self, index: int) -> Stop:
        """Return why a job was stopped. Only the present job is ever stopped, after all others were taken back."""
        return self._stop if self.process.memory.present()[0] == index else Stop.NO

    # The task process ended.

    def _go_on_with_another(self) -> bool:
        """Blame the job that ran, and start another task process. Return whether that one got jobs to run."""
        rest = self.process.take_back()
        if not self._blame() and self.process.exit:
            logger.warning("A task process %s, between jobs.", self.process.exit)
            time.sleep(PAUSE)
        self.process.close()
        self.process, self._died = TaskProcess(self._died), None
        left = {index: job for index, job in self._jobs.items() if index in rest}
        if self._released or not left:
            return False
        self._begin(left)
        return True

    def _blame(self) -> bool:
        """Add the outcome of the job that was started and has no record. Return whether there was one.

        No other job loses an attempt.
        """
        present = self._present()
        if present is None:
            return False
        index, job, began = present
        del self._jobs[index]
        how = self.process.exit or "closed the files of its process"
        limits, memory = self._limits[index], self.process.memory
        self._note_report(job, memory.present_said() or (self._said if self._live != NOTHING_SAID else None))
        outcome = died_outcome(job, how, began, self._stop, limits, memory)
        self.done.append(outcome)
        self._died = job, outcome
        return True

    # A job that outruns the quantum, or a turn that outruns some.

    def _look(self, now: float) -> None:
        present = self._present()
        self.process.memory.bound_output()
        if present is None:
            if now - self._heard_at > queue_settings().LEASE_SECONDS / 3:  # the process hangs between two jobs
                self.process.end()
            return
        index, job, started = present
        elapsed = now - started
        if elapsed < queue_settings().QUANTUM_SECONDS and not self._is_late(now):
            return
        self._release_rest()
        try:
            self.store_reports()
            if index in self._jobs and not self._settled_part:
                self._settle_part(index, job, elapsed, now)
            if index in self._jobs and now - self._beaten_at >= _beat_every():
                self._beat(job, elapsed, now)
                self._store_live(job, now)
        except (DatabaseError, InterfaceError) as error:
            self._after(error, now)
        announcer.try_to_send()
        if index in self._jobs:
            self._keep_limits(index, job, elapsed, now)

    def _is_late(self, now: float) -> bool:
        """Whether the turn has run for so long that the jobs that it has not started go to others."""
        return not self._released and now - self._began >= TURN_QUANTA * queue_settings().QUANTUM_SECONDS

    def _after(self, error: Exception, now: float) -> None:
        """Prepare to try again at the next look. Refused data is replaced: else no heartbeat would follow it."""
        self.in_doubt = True
        if not is_passing(error) and (mended := without_refused(self.done, str(error).strip())) is not None:
            self.done = mended
            return
        self._beaten_at = now
        logger.warning("No sign of life could be given, trying again: %s", reason(error))
        give_back_connection()

    def _release_rest(self) -> None:
        """Take back the jobs that were not started."""
        if not self._released:
            self._released = True
            self.process.take_back()
            self._collect()

    def _settle_part(self, index: int, job: ClaimedJob, elapsed: float, now: float) -> None:
        """Settle the outcomes, and put back the jobs that were not started, while the present job runs on."""
        if self.in_doubt:
            self.done = still_held(self._processor, self._turn.number, self.done)
        done = self.done
        self._kept = settle_part(self._processor, self._turn.number, done, keep=job.id, elapsed=elapsed, now=now)
        self._settled_part = True
        back = {other.owner for other in self._jobs.values() if other is not job}
        announcer.add({outcome.owner for outcome in done} | back, work=bool(back))
        self.done, self._jobs = [], {index: job}

    def _beat(self, job: ClaimedJob, elapsed: float, now: float) -> None:
        memory = self.process.memory
        beat = heartbeat(
            self._processor, self._turn.number, elapsed=elapsed, progress=memory.fraction, message=memory.message
        )
        self._beaten_at = now
        if beat is Beat.LOST and self._kept:
            self._kept = False
            words = "This processor was thought dead; what it does for job %s is dropped."
            logger.warning(words, job.name, extra=job.log_fields())
        if beat is Beat.LOST:
            self._request_stop(Stop.LEASE_LOST, now)
        elif beat is Beat.CANCEL:
            self._request_stop(Stop.CANCELLED, now)
        elif beat is Beat.DRAIN and not self._stopping:
            self._stopping = True
            memory.tell(stop=self._stop, cancelled=memory.cancelled, stopping=True)

    def store_reports(self) -> None:
        """Store the reports of jobs that ended, if there are any."""
        write_reports(self._processor, self._turn.number, self.reports)
        self.reports = []

    def _store_live(self, job: ClaimedJob, now: float) -> None:
        """Store what the present job has reported and printed so far, if that changed; not with each heartbeat."""
        memory = self.process.memory
        if now - self._live_at < LIVE_EVERY or (version := memory.said_version()) == self._live:
            return
        self._said = memory.present_said() or self._said
        report = AttemptReport(job.id, job.attempt, *self._said, memory.log_end())
        write_reports(self._processor, self._turn.number, [report])
        self._live, self._live_at = version, now

    # Limits.

    def _keep_limits(self, index: int, job: ClaimedJob, elapsed: float, now: float) -> None:
        seconds, megabytes = self._limits[index]
        if seconds is not None and elapsed >= seconds:
            self._request_stop(Stop.TIME_LIMIT, now)
        if megabytes is not None and self.process.has_taken(megabytes * 1e6):
            self._stop = Stop.MEMORY_LIMIT
            self.process.end()
        elif self._stop_at and now >= self._stop_at[0]:
            self._enforce_stop(job, now)

    def _request_stop(self, why: Stop, now: float) -> None:
        """Ask the present job to stop, once. A cancelled job has a third of the grace before the first exception."""
        if self._stop is not Stop.NO:
            return
        self._stop = why
        grace = queue_settings().CANCEL_GRACE_SECONDS
        first = now + (grace / 3 if why is Stop.CANCELLED else 0.0)
        self._stop_at = [first, first + grace / 3, first + grace]
        memory = self.process.memory
        memory.tell(cancelled=why is Stop.CANCELLED, stopping=memory.stopping)

    def _enforce_stop(self, job: ClaimedJob, now: float) -> None:
        """Raise an exception; another one a third of the grace later; end the process when the grace is over."""
        self._stop_at.pop(0)
        if self._stop_at:
            self.process.interrupt(self._stop)
        else:
            logger.warning("Job %s will not stop: ending its process.", job.name, extra=job.log_fields())
            self.process.end()

    def _seconds_to_next_look(self) -> float:
        settings = queue_settings()
        if not self._released:
            return settings.QUANTUM_SECONDS
        now = time.monotonic()
        moments = [self._beaten_at + _beat_every(), *self._stop_at[:1]]
        if (present := self._present()) is not None:
            seconds, megabytes = self._limits[present[0]]
            if seconds is not None:
                moments.append(present[2] + max(seconds, settings.QUANTUM_SECONDS))
            if megabytes is not None:
                moments.append(now + MEMORY_LOOK)
        return max(min(moments) - now, 0.005)


def _beat_every() -> float:
    """Return the seconds between two heartbeats: more where each has to open a connection."""
    settings = queue_settings()
    return settings.LEASE_SECONDS / 5 if connection_slots.workers.scarce else settings.HEARTBEAT_SECONDS


def _limits(job: ClaimedJob) -> tuple[float | None, float | None]:
    """Return the limits of a job, in seconds and megabytes: its own, else its task's. None: no limit."""
    task = find_task(job.task)
    if task is None:
        return job.limit, job.memory_limit
    return job.limit or task.time_limit, job.memory_limit or task.memory_limit
