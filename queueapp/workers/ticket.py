"""A ticket: the task that a django-q2 worker gets from our broker. It carries no job; it means "take turns"."""

from __future__ import annotations

import json
import logging
import os
import socket
import time
from typing import Any

from django.db import DatabaseError, InterfaceError, connection

from ..conf import queue_settings
from ..lifecycle.announce import announce, announcer
from ..lifecycle.claim import ClaimedJob, NotAccepting, Turn, take_turn
from ..lifecycle.heartbeat import register
from ..lifecycle.settle import JobOutcome
from ..models import Processor
from ..registry import Handle, find_task
from ..states import Status
from .hand import Hand
from .heart import Heart

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
            hand.finish(run(*started))
        outcomes = hand.end()
    if time.monotonic() >= until:
        announce(work=True)  # the broker should hand out the next ticket at once


def _settle_and_claim(hand: Hand, turn: Turn, outcomes: list[JobOutcome] | None, *, more: bool) -> Turn:
    """The next turn. While the database is away, tries again for as long as the lease can stand."""
    give_up = time.monotonic() + queue_settings().LEASE
    while True:
        try:
            taken = take_turn(hand.processor, turn.number, outcomes, now=time.monotonic(), more=more)
        except NotAccepting:
            if more and not Processor.objects.filter(pk=hand.processor).exists():
                hand.processor = register(cluster_id()).pk
            return Turn()
        except (DatabaseError, InterfaceError) as error:
            if time.monotonic() > give_up:
                raise
            logger.warning("The database is away, trying again: %s", str(error).strip())
            connection.close()
            time.sleep(queue_settings().HEARTBEAT)
            continue
        if not taken.kept:
            logger.warning("Turn %s had been given to others; what came of it here is dropped.", turn.number)
        return taken


def run(job: ClaimedJob, handle: Handle) -> JobOutcome:
    """What came of one job: its task is called, and whatever it raises fails it."""
    started = time.monotonic()
    result, error = None, ""
    try:
        task = find_task(job.task)
        if task is None:
            raise LookupError(f"There is no task {job.task!r} in this version of the site.")
        result = _as_json(task.run(handle, job.payload))
    except (Exception, SystemExit, KeyboardInterrupt) as failure:
        error = _message(failure)
    ended = time.monotonic()
    return JobOutcome(
        job=job.id,
        owner=job.owner,
        status=Status.FAILED if error else Status.SUCCEEDED,
        attempt=job.attempt,
        spent=ended - started,
        ended=ended,
        progress=handle.fraction,
        message=handle.message,
        result=result,
        error=error,
    )


def _as_json(result: Any) -> str | None:
    """The result as JSON text. Raises where PostgreSQL could not keep it."""
    if result is None:
        return None
    text = json.dumps(result, allow_nan=False)
    if "\\u0000" in text:
        raise ValueError("The result has a NUL character.")
    return text


def _message(failure: BaseException) -> str:
    text = str(failure).replace("\x00", "").strip()
    text = text.encode(errors="replace").decode()
    return text if type(failure).__name__ == "JobFailed" and text else f"{type(failure).__name__}: {text}".rstrip(": ")
