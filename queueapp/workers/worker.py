"""A worker: a django-q2 process that is one processor. It takes turns, and its task process runs their jobs."""

from __future__ import annotations

import logging
import os
import socket
import time
from typing import Any, NoReturn

from django.db import DatabaseError, InterfaceError, connection

from ..conf import queue_settings
from ..db.sessions import is_passing, reason
from ..lifecycle.announce import announce, announcer
from ..lifecycle.outcome import JobOutcome, still_held
from ..lifecycle.processors import held_turn, own_processor, register
from ..lifecycle.reports import AttemptReport, write_reports
from ..lifecycle.rescue import rescue_ended
from ..lifecycle.turn import NotAccepting, Turn, take_turn
from ..models import Processor
from ..registry import find_task
from . import connection_slots, forked
from .connection_slots import give_back_connection
from .outcomes import deferred_outcome, without_refused
from .running_turn import RunningTurn
from .task_process import TaskProcess

logger = logging.getLogger(__name__)

CLUSTER = "QUEUEAPP_CLUSTER"
"""Environment variable with the id of the cluster. The supervisor sets it."""
WORKER_BROKEN = 70
"""Exit code of a worker that failed twice in a row. The cluster starts another."""
RESTED = 71
"""Exit code of a worker that has worked, and was idle since, or that staff asked to end. The cluster starts another."""

_worker: Worker | None = None


def cluster_id() -> str:
    """Return the id of the cluster that this process, a child of the sentinel, belongs to."""
    return os.environ.get(CLUSTER) or f"{socket.gethostname()[:25]}:{os.getppid()}"


def start_worker(**_: Any) -> Worker:
    """Return this process's worker. Receiver of django-q2's post_spawn."""
    global _worker
    if _worker is None:
        forked.adopt_orphans()
        announcer.driven = True
        _worker = Worker()
    return _worker


def take_turns() -> None:
    """Take turns until nothing waits or the slice is over. A ticket calls this.

    Never raises. Errors are logged, and the jobs of the turn go back when its lease runs out, at the latest. A worker
    that fails twice in a row exits, so that the cluster starts another.
    """
    start_worker().take_turns()


def rest() -> None:
    """End this process if it has worked: a fresh one shares more memory. Called after IDLE_SECONDS without a ticket."""
    if _worker is not None and _worker.processor:
        _worker.end()


class Worker:
    """One processor. It runs no code of tasks and has no threads, so nothing that a task does can stop it."""

    def __init__(self) -> None:
        connection_slots.workers.bound(connection)
        self.processor = 0
        """The key of its processor; 0: not known yet. The supervisor registers it."""
        self.process: TaskProcess | None = None
        self.begun = 0
        """The number of the last turn whose jobs were started."""
        self._reports: list[AttemptReport] = []
        """Reports of the last turn's jobs: they are stored before its outcomes are settled."""
        self._broken = False

    def take_turns(self) -> None:
        """See the function of this name."""
        try:
            retire = self._take_turns()
            announcer.try_to_send(soon=False)
            if retire:
                self.end()
            self._pause()
            self._broken = False
        except Exception:
            logger.exception("A processor could not go on with its turns")
            if self._broken:
                os._exit(WORKER_BROKEN)
            self._broken = True
            self.release()

    def end(self) -> NoReturn:
        """End this process. The cluster starts another if it is needed."""
        self.release()
        os._exit(RESTED)

    def release(self) -> None:
        """End the task process and close the connection."""
        if self.process is not None:
            self.process.close()
            self.process = None
        give_back_connection()

    def _pause(self) -> None:
        """Give the connection back before a wait for a ticket, if others may need it."""
        if connection_slots.workers.scarce:
            give_back_connection()

    def _take_turns(self) -> bool:
        """Take turns, as take_turns() does. Return whether staff asked this processor to end."""
        until = time.monotonic() + queue_settings().WORKER_SLICE_SECONDS
        turn = Turn()
        outcomes: list[JobOutcome] | None = None
        in_doubt = not self.processor
        while True:
            more = time.monotonic() < until and not connection_slots.workers.overdue
            turn = self.settle_and_claim(turn, outcomes, more=more, in_doubt=in_doubt)
            announce({outcome.owner for outcome in outcomes or ()} | {job.owner for job in turn.jobs})
            if not turn.jobs:
                break
            outcomes, in_doubt = self._run(turn)
        if not more:
            announce(work=True)  # the broker should hand out the next ticket at once
        return turn.retire

    def _run(self, turn: Turn) -> tuple[list[JobOutcome], bool]:
        """Run a turn. Return its outcomes that are not settled, and whether some may be settled after all."""
        self.begun, now = turn.number, time.monotonic()
        if unknown := [job for job in turn.jobs if find_task(job.task) is None]:
            logger.warning("This processor has no task %s; its jobs wait for another.", unknown[0].task)
            known = [job for job in turn.jobs if job not in unknown]
            deferred = [deferred_outcome(job, now) for job in unknown]
            if not known:
                return deferred, False
            turn = Turn(turn.number, known)
        else:
            deferred = []
        self.process = self.process or TaskProcess()
        running = RunningTurn(self.processor, turn, self.process, deferred)
        try:
            return running.work_through(), running.in_doubt
        finally:
            self.process, self._reports = running.process, running.reports

    def settle_and_claim(
        self, turn: Turn, outcomes: list[JobOutcome] | None, *, more: bool, in_doubt: bool = False
    ) -> Turn:
        """Settle a turn; return the next. While the database is away, try again: what was done must not be lost.

        That is safe, however long it takes: if the turn was given to others meanwhile, its number is refused. Any other
        error is raised after LEASE_SECONDS.
        """
        give_up = time.monotonic() + queue_settings().LEASE_SECONDS
        while True:
            try:
                if in_doubt:
                    turn, outcomes = self._held(turn, outcomes)
                write_reports(self.processor, turn.number, self._reports)
                self._reports = []
                taken = take_turn(self.processor, turn.number, outcomes, now=time.monotonic(), more=more)
            except NotAccepting:
                if in_doubt or not more:
                    return Turn()
                in_doubt = True
                continue
            except (DatabaseError, InterfaceError) as error:
                if time.monotonic() > give_up and not is_passing(error):
                    raise
                in_doubt = True
                outcomes = self._after(error, outcomes)
                continue
            if not taken.kept:
                logger.warning("Turn %s had been given to others; what came of it here is dropped.", turn.number)
            return taken

    def _after(self, error: Exception, outcomes: list[JobOutcome] | None) -> list[JobOutcome] | None:
        """Return the outcomes to try again with: refused ones replaced, or the same ones after a pause."""
        if not is_passing(error) and outcomes and (mended := without_refused(outcomes, str(error).strip())) is not None:
            return mended
        what = "is away, or at a bound" if is_passing(error) else "refused a turn"
        logger.warning("The database %s; trying again: %s", what, reason(error))
        give_back_connection()
        time.sleep(queue_settings().HEARTBEAT_SECONDS)
        return outcomes

    def _held(self, turn: Turn, outcomes: list[JobOutcome] | None) -> tuple[Turn, list[JobOutcome] | None]:
        """Return the turn to settle and its outcomes, if it is unknown what the database did.

        If the answer to a claim was lost, that turn is settled without outcomes: its jobs go back at no attempt. A turn
        that was begun, and whose outcomes were lost, is rescued like a dead worker's. A processor that was thought
        dead, and deleted, registers anew.
        """
        held = held_turn(self.processor)
        if held not in (None, 0, turn.number) and held == self.begun:
            rescue_ended(Processor.objects.filter(pk=self.processor))
            held = None
        if held is None:
            self.processor = own_processor(cluster_id()) or register(cluster_id()).pk
        elif held not in (0, turn.number):
            return Turn(held), []
        return turn, outcomes and still_held(self.processor, turn.number, outcomes)
