"""A ticket: the task that a django-q2 worker gets from our broker. It carries no job; it means "take turns"."""

from __future__ import annotations

import logging
import os
import signal
import socket
import time
from typing import Any

from django.db import DatabaseError, InterfaceError, connection

from ..conf import queue_settings
from ..errors import JobStopped
from ..lifecycle.announce import announce, announcer
from ..lifecycle.claim import ClaimedJob, NotAccepting, Turn, take_turn
from ..lifecycle.heartbeat import register
from ..lifecycle.settle import JobOutcome
from ..models import Processor
from ..registry import Handle, Task, find_task
from .hand import Hand
from .heart import STOP_SIGNAL, Heart
from .outcomes import result_json, stopped_outcome, succeeded_outcome

logger = logging.getLogger(__name__)

CLUSTER = "QUEUEAPP_CLUSTER"
"""Environment variable with the id of the cluster, set by the command that starts one."""

_hand: Hand | None = None


def cluster_id() -> str:
    """The id of the cluster that this process, a child of its sentinel, belongs to."""
    return os.environ.get(CLUSTER) or f"{socket.gethostname()[:25]}:{os.getppid()}"


def start_processor(**_: Any) -> Hand:
    """This process as a processor: registered, with its heart beating. Receiver of django-q2's post_spawn."""
    global _hand
    if _hand is None:
        announcer.driven = True
        signal.signal(STOP_SIGNAL, _on_stop)
        _hand = Hand(register(cluster_id()).pk)
        Heart(_hand, cluster_id()).start()
    return _hand


def take_turns() -> None:
    """Take turns until nothing waits or the slice is over. Never raises: what goes wrong is logged, the jobs of the
    turn go back to the queue when its lease runs out."""
    try:
        _take_turns(start_processor())
    except Exception:
        logger.exception("A processor could not go on with its turns")
        connection.close()


def _take_turns(hand: Hand) -> None:
    until = time.monotonic() + queue_settings().SLICE
    turn = Turn()
    outcomes: list[JobOutcome] | None = None
    while True:
        turn = _settle_and_claim(hand, turn, outcomes, more=time.monotonic() < until)
        announce({outcome.owner for outcome in outcomes or ()} | {job.owner for job in turn.jobs})
        if not turn.jobs:
            break
        hand.begin(turn)
        while (started := hand.next_job()) is not None:
            hand.finish(_run(hand, *started))
        outcomes = hand.end()
    if time.monotonic() >= until:
        announce(work=True)  # the broker should hand out the next ticket at once


def _settle_and_claim(hand: Hand, turn: Turn, outcomes: list[JobOutcome] | None, *, more: bool) -> Turn:
    """The next turn. While the database is away, tries again for as long as the lease can stand."""
    give_up = time.monotonic() + queue_settings().LEASE
    doubt = False
    while True:
        try:
            if doubt and (known := _known_turn(hand)) not in (0, turn.number):
                turn, outcomes = Turn(known), []
            taken = take_turn(hand.processor, turn.number, outcomes, now=time.monotonic(), more=more)
        except NotAccepting:
            if doubt or not more:
                return Turn()
            doubt = True
            continue
        except (DatabaseError, InterfaceError) as error:
            if time.monotonic() > give_up:
                raise
            logger.warning("The database is away, trying again: %s", str(error).strip())
            connection.close()
            time.sleep(queue_settings().HEARTBEAT)
            doubt = True
            continue
        if not taken.kept:
            logger.warning("Turn %s had been given to others; what came of it here is dropped.", turn.number)
        return taken


def _known_turn(hand: Hand) -> int:
    """The number of the turn that the database has given to this processor, between turns as it is; 0: none.

    The answer to a claim can get lost with the connection. To settle such a turn without outcomes gives its jobs back,
    which costs them no attempt. A processor that was thought dead, and forgotten, comes back as a new one.
    """
    row = Processor.objects.filter(pk=hand.processor).first()
    if row is None:
        hand.processor = register(cluster_id()).pk
    return row.turn if row is not None and row.jobs and not row.draining else 0


def _run(hand: Hand, job: ClaimedJob, handle: Handle) -> JobOutcome:
    """What came of one attempt at a job: its task is called, and whatever it raises fails it."""
    started = time.monotonic()
    try:
        task = find_task(job.task)
        if task is None:
            raise LookupError(f"There is no task {job.task!r} in this version of the site.")
        result = result_json(_call(hand, task, handle, job.payload))
    except (Exception, SystemExit, KeyboardInterrupt, JobStopped) as failure:
        return stopped_outcome(job, handle, started, failure)
    return succeeded_outcome(job, handle, started, result)


def _call(hand: Hand, task: Task, handle: Handle, payload: dict[str, Any]) -> Any:
    """What the task returns; JobStopped may be raised while `in_task` is set, and never outside."""
    hand.in_task = True
    try:
        return task.run(handle, payload)
    finally:
        hand.in_task = False


def _on_stop(*_: Any) -> None:
    """Receiver of STOP_SIGNAL, in the main thread: raises the reason to stop where the task's code runs."""
    if _hand is not None and _hand.in_task and _hand.stopping is not None:
        raise _hand.stopping
