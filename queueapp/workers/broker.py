"""The broker: turns a backlog into tickets for idle processors. Its own order is none: who is next is the claim's.

Runs in the cluster's pusher process, and does the housekeeping there. django-q2's own tasks and schedules have no part
in it: they would let whoever can write to the database run code here.
"""

from __future__ import annotations

import logging
import time
import uuid
from typing import Any

import psycopg
from django.db import DatabaseError, InterfaceError, connection
from django.utils import timezone
from django_q.brokers import Broker
from django_q.signals import post_spawn
from django_q.signing import SignedPackage

from ..conf import queue_settings
from ..db.sessions import listening_parameters
from ..db.statements import prepared_row
from ..lifecycle.announce import WORK
from ..lifecycle.maintenance import prune
from ..lifecycle.maintenance.schedule import join_due
from ..lifecycle.maintenance.sweep import Sweeping
from ..lifecycle.maintenance.vacuum import Tidying
from ..lifecycle.route import move_some
from .worker import cluster_id, start_worker

logger = logging.getLogger(__name__)

POLL = 1.0
"""Seconds without a notification after which the broker looks for work all the same."""
FAST = 0.02
"""Seconds between looks while tickets are being handed out: announcements come ten times a second at most."""
TAKEN_BY = 0.003
"""Seconds in which tickets become turns: before that the same work would only get another ticket."""
ASK_EVERY = 5.0
"""Seconds after which the connection that hears of work is asked for a sign of life."""
PRUNE_EVERY = 60.0
"""Seconds between two looks for jobs that are older than the retention."""
FAST_FOR = 0.3
"""Seconds after the last ticket for which the broker looks so often."""

# The idle processors here, and the flows that are ready.
_LOOK = """
    SELECT (SELECT count(*) FROM queueapp_processor
             WHERE cluster = %s AND job_id IS NULL AND NOT draining AND lease_until > clock_timestamp()),
           CASE WHEN queueapp_all_paused() THEN 0 ELSE
           (SELECT count(*) FROM
               (SELECT FROM queueapp_flowstate WHERE ready ORDER BY vtime, head LIMIT 64) AS ready) END
"""

post_spawn.connect(start_worker, dispatch_uid="queueapp-start-worker")


class TicketBroker(Broker):  # type: ignore[misc]  # django-q2 has no types
    """django-q2's broker_class. `dequeue` blocks for a second at most, so that the pusher sees the stop event."""

    def __init__(self, list_key: str | None = None) -> None:
        super().__init__(list_key)
        self._listening: psycopg.Connection[Any] | None = None
        self._asked_at = float("-inf")
        self._told = False
        self._idle = self._unasked = 0
        self._handed_at = float("-inf")
        self._kept_at = float("-inf")
        self._swept_at = float("-inf")
        self._due_at = float("-inf")
        self._tidying = Tidying()
        self._pruning_at = float("-inf")
        self._moving = True
        self._sweeping = Sweeping()

    def dequeue(self) -> list[tuple[Any, str]] | None:
        """Tickets, each a pair of no acknowledgement id and a signed task; None: nothing yet.

        Never raises for a database that is away: the pusher would pause for ten seconds and end.
        """
        try:
            self._listen()
            if self._may_hand_out_unasked():
                return [(None, _ticket())]
            if time.monotonic() - self._handed_at < TAKEN_BY:
                self._wait(TAKEN_BY)
            found = [(None, _ticket()) for _ in range(self._tickets())]
            # Work first: a job that was just submitted to an idle site does not wait for housekeeping.
            if not found or time.monotonic() - self._kept_at >= POLL:
                self._keep_house()
            if not found and not self._moving:
                self._wait(self._until_next())
        except (DatabaseError, InterfaceError, psycopg.Error) as error:
            logger.warning("The database is away, trying again: %s", str(error).strip())
            connection.close()
            self._stop_listening()
            time.sleep(POLL)
            return None
        return found or None

    def _keep_house(self) -> None:
        """What is to be done beside handing out tickets."""
        self._sweep_if_due()
        self._move_some()
        self._join_due()
        if time.monotonic() >= self._tidying.due:
            self._tidying.tidy()
        if time.monotonic() >= self._pruning_at:
            self._pruning_at = time.monotonic() + (POLL if prune.prune() == prune.AT_ONCE else PRUNE_EVERY)
        self._kept_at = time.monotonic()

    def _listen(self) -> None:
        """LISTEN on a connection of its own, which no pooler shares; ask it now and then whether it is still there.

        Of a connection that is cut in silence nothing is ever heard; a question fails after `tcp_user_timeout`.
        """
        now = time.monotonic()
        if self._listening is None:
            self._listening = psycopg.connect(**listening_parameters(), autocommit=True)
            self._listening.execute(f"LISTEN {WORK}")
        elif now - self._asked_at >= ASK_EVERY:
            self._listening.execute("SELECT 1")
        else:
            return
        self._asked_at = now

    def _stop_listening(self) -> None:
        if self._listening is not None:
            self._listening.close()
            self._listening = None

    def _may_hand_out_unasked(self) -> bool:
        """Whether there was word of work since the last look, which had left a processor idle: it starts the sooner."""
        told, self._told = self._told, False
        if told and self._idle > 0 and not self._unasked:
            self._unasked = 1
            return True
        return False

    def _tickets(self) -> int:
        """As many as there are idle processors here, and no more than flows that are ready: each ticket's turns go on
        while anything waits, and more tickets follow at the next look."""
        idle, ready = prepared_row(_LOOK, [cluster_id()])
        many = max(min(idle, ready) - self._unasked, 0)
        self._idle = idle - self._unasked - many
        if many or self._unasked:
            self._handed_at = time.monotonic()
        self._unasked = 0
        return int(many)

    def _sweep_if_due(self) -> None:
        now = time.monotonic()
        if now - self._swept_at >= queue_settings().SWEEP_SECONDS:
            self._swept_at = now
            self._sweeping.sweep()
            self._moving = True

    def _move_some(self) -> None:
        """A batch of the jobs that a change of rules moves, between looks for work: claims go on meanwhile."""
        if self._moving:
            self._moving = move_some() is not None

    def _join_due(self) -> None:
        """Jobs whose moment has come; the broker wakes for the next one's."""
        if time.monotonic() >= self._due_at:
            next_in = join_due()
            self._due_at = time.monotonic() + min(POLL if next_in is None else max(next_in, 0.0), POLL)

    def _until_next(self) -> float:
        """Seconds until the next look, if nobody tells of work before."""
        now = time.monotonic()
        look = FAST if now - self._handed_at < FAST_FOR else POLL
        return min(look, max(min(self._due_at, self._tidying.due) - now, 0.0))

    def _wait(self, longest: float) -> None:
        assert self._listening is not None
        for _ in self._listening.notifies(timeout=longest, stop_after=1):
            self._told = True
            self._due_at = float("-inf")  # a moment may have been set that comes sooner


def _ticket() -> str:
    """A signed task for django-q2's worker; without an acknowledgement id, and not saved when done."""
    identity = uuid.uuid4().hex
    ticket: str = SignedPackage.dumps(
        {
            "id": identity,
            "name": f"turns-{identity[:8]}",
            "func": "queueapp.workers.worker.take_turns",
            "args": (),
            "kwargs": {},
            "started": timezone.now(),
        }
    )
    return ticket
