"""Sends the signal job_completed and the messages of webhooks, in a process of its own.

A cluster starts it if the signal has receivers, or if there is a webhook.

A receiver may be slow, fail, or end the process: no processor waits for it, and no lease runs out. How far the signal
was sent is in the database. So an end is told at least once, also one while no cluster ran. Of several clusters one
sends: its process holds the signal's lock.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from multiprocessing import get_context
from typing import Any, NoReturn

import psutil
import psycopg
from django.db import DatabaseError, InterfaceError, connection, connections

from ..db.routines import versioned
from ..db.sessions import bound_as, listening_parameters, reason
from ..handle import Job
from ..lifecycle.announce import OWNERS
from ..models import Job as JobRow
from ..models import SignalCursor, Webhook
from ..notices import has_webhooks
from ..notices.webhooks import DELIVERY, send_completions
from ..signals import job_completed
from ..snapshots import job_dicts, make_durable
from .task_databases import drop_inherited

logger = logging.getLogger(__name__)

BATCH_JOBS = 50
"""Maximum jobs that are read at once, and told again if the process ends meanwhile."""
BATCH_MESSAGES = 1_000
"""The same if only webhooks are told: nothing is submitted twice."""
NUMBERS = 10_000
"""Maximum numbers of outcomes that are searched at once: most may have been pruned."""
POLL_SECONDS = 1.0
"""Maximum seconds until the next look, if nothing is announced."""
PAUSE_SECONDS = 0.05
"""Minimum seconds between two looks, and between two looks whether settlements have ended."""

_LOCK = versioned("SELECT pg_try_advisory_lock(queueapp_signal_lock())")
_UPTO = "SELECT last_value - (NOT is_called)::int FROM queueapp_outcome_number"
_SETTLING = versioned("SELECT coalesce(array_agg(t), '{}') FROM queueapp_settling() AS t")
_COMPLETED = versioned("SELECT number, job FROM queueapp_completed(%s, %s, %s)")


class Sender:
    """The process of one cluster that sends the signal, or waits until no other does."""

    def __init__(self) -> None:
        self._process: psutil.Process | None = None
        self._looked_at = float("-inf")

    def look(self) -> None:
        """Start the process if it is needed and does not run. Looks once in POLL_SECONDS."""
        now = time.monotonic()
        if now - self._looked_at < POLL_SECONDS or (self._process is not None and self._process.is_running()):
            return
        self._looked_at = now
        if _is_needed():
            if self._process is not None:
                logger.error("The process that sends job_completed ended; starting another.")
            process = get_context("fork").Process(target=send_for_ever, name="job_completed", daemon=True)
            process.start()
            self._process = psutil.Process(process.pid)


def _is_needed() -> bool:
    """Whether the signal has receivers, or there is a webhook. False while the database is away."""
    if job_completed.has_listeners():
        return True
    try:
        return has_webhooks() and Webhook.objects.filter(enabled=True).exists()
    except (DatabaseError, InterfaceError):
        connection.close()
        return False


def send_for_ever() -> NoReturn:
    """Send the signal whenever jobs have ended. While the database is away, try again."""
    drop_inherited()
    bound_as("commands")
    while True:
        try:
            with psycopg.connect(**listening_parameters(), autocommit=True) as listening:
                while not _is_first(listening):
                    time.sleep(POLL_SECONDS)
                listening.execute(f"LISTEN {OWNERS}")
                while True:
                    while send_completed():
                        pass
                    for _ in listening.notifies(timeout=POLL_SECONDS, stop_after=1):
                        time.sleep(PAUSE_SECONDS)
        except (DatabaseError, InterfaceError, psycopg.Error) as error:
            logger.warning("job_completed could not be sent, trying again: %s", reason(error))
        except Exception:
            logger.exception("job_completed could not be sent, trying again")
        connections.close_all()
        time.sleep(POLL_SECONDS)


def send_completed() -> bool:
    """Send the signal, and messages, for a batch of jobs that have ended since the last call.

    Return whether there may be more.

    The first call ever sends nothing: ends of before count as told. A job that was retried meanwhile is left out, and
    so are deliveries.
    """
    cursor = SignalCursor.objects.first() or SignalCursor.objects.create(pk=1, number=_number(_UPTO))
    upto = _number(_UPTO)
    if upto < cursor.number:  # the database was restored from a backup
        SignalCursor.objects.update(number=upto)
    if upto <= cursor.number:
        return False
    _await_settlements()
    end = min(upto, cursor.number + NUMBERS)
    batch = BATCH_JOBS if job_completed.has_listeners() else BATCH_MESSAGES
    with connection.cursor() as statement:
        statement.execute(_COMPLETED, [cursor.number, end, batch])
        found = statement.fetchall()
    if found:
        make_durable()
        _send([job for _, job in found])
    last = found[-1][0] if len(found) == batch else end
    SignalCursor.objects.filter(number__lt=last).update(number=last)
    return last < upto


def _is_first(listening: psycopg.Connection[Any]) -> bool:
    """Take the signal's lock until the session ends. Return whether no other has it."""
    row = listening.execute(_LOCK).fetchone()
    return row is not None and bool(row[0])


def _await_settlements() -> None:
    """Wait until the transactions have ended that may have drawn a number and are not visible yet."""
    begun = set(_strings(_SETTLING))
    while begun:
        time.sleep(PAUSE_SECONDS)
        begun &= set(_strings(_SETTLING))


def _send(jobs: Sequence[int]) -> None:
    if has_webhooks():
        send_completions(jobs)  # before the receivers, as one may end this process
    if not job_completed.has_listeners():
        return
    rows = JobRow.objects.whole().exclude(task=DELIVERY).in_bulk(jobs)
    ended = [rows[job] for job in jobs if job in rows and rows[job].ended is not None]
    for row, data in zip(ended, job_dicts(ended), strict=True):
        job_completed.send_robust(sender=Job, job=Job(row.owner, row.name, data))
        if not connection.get_autocommit():  # a receiver has left a transaction open
            connection.close()


def _number(statement: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return int(cursor.fetchone()[0])


def _strings(statement: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return list(cursor.fetchone()[0])
