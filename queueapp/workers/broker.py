"""The broker: turns a backlog into tickets for idle processors. A ticket names no job: the claim decides the order.

The broker runs in django-q2's pusher process, and does the housekeeping there. It ignores django-q2's own tasks and
schedules: with them, anybody who can write to the database could run code here.
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
from ..db.routines import versioned
from ..db.sessions import listening_parameters, reason
from ..db.statements import prepared_row
from ..lifecycle.announce import WORK
from ..lifecycle.maintenance import prune
from ..lifecycle.maintenance.schedule import join_due
from ..lifecycle.maintenance.sweep import Sweeping
from ..lifecycle.maintenance.totals import count_ended, prune_totals
from ..lifecycle.maintenance.vacuum import Tidying
from ..lifecycle.route import move_some
from ..notices.digests import submit_due
from .worker import cluster_id, start_worker

logger = logging.getLogger(__name__)

POLL_SECONDS = 1.0
"""Maximum seconds that the broker waits for a notification before it looks for work."""
FAST = 0.02
"""Seconds between looks soon after a ticket: a process announces work at most ten times a second."""
TAKEN_BY = 0.003
"""Seconds that tickets take to become turns. An earlier look would hand out tickets for the same work again."""
ASK_EVERY = 5.0
"""Seconds between two checks of the LISTEN connection."""
PRUNE_EVERY = 60.0
"""Seconds between two looks for jobs and totals older than the retention; POLL_SECONDS after a full batch."""
COUNT_EVERY = 5.0
"""Seconds between two looks whether a round of counting is due; COUNT_AGAIN while there is more to count."""
DIGESTS_EVERY = 5.0
"""Seconds between two looks whether digests are due; POLL_SECONDS while there are some."""
COUNT_AGAIN = 0.05
"""Seconds between two batches of one round, or as many as the last one took, in which no ticket was handed out."""
DUE_REST = 10
"""Minimum pause between two looks for due jobs, in durations of such a look. Beside an open transaction it passes dead
tuples, and takes longer: never more than a tenth of this process's time."""
FAST_FOR = 0.3
"""Seconds after the last ticket during which the broker looks every FAST seconds."""

# The numbers of idle processors of this cluster, and of ready flows, up to 64. One that staff asked to end does so with
# its next ticket; so there is one for each idle processor until then.
_LOOK = versioned("""
    SELECT (SELECT count(*) FROM queueapp_processor
             WHERE cluster = %s AND job_id IS NULL AND NOT draining AND lease_until > clock_timestamp()),
           CASE WHEN EXISTS (SELECT FROM queueapp_processor WHERE cluster = %s AND job_id IS NULL AND retiring) THEN 64
                WHEN queueapp_all_paused() THEN 0 ELSE
           (SELECT count(*) FROM
               (SELECT FROM queueapp_flowstate WHERE ready ORDER BY vtime, head LIMIT 64) AS ready) END
""")

post_spawn.connect(start_worker, dispatch_uid="queueapp-start-worker")


class TicketBroker(Broker):  # type: ignore[misc]  # django-q2 has no types
    """django-q2's broker_class. `dequeue` waits for at most a second, so that the pusher sees the stop event."""

    def __init__(self, list_key: str | None = None) -> None:
        super().__init__(list_key)
        self._listening: psycopg.Connection[Any] | None = None
        self._asked_at = float("-inf")
        self._told = False
        self._idle = self._unasked = 0
        self._handed_at = float("-inf")
        self._kept_at = float("-inf")
        self._swept_at = float("-inf")
        self._due_at = self._due_from = float("-inf")
        self._tidying = Tidying()
        self._pruning_at = float("-inf")
        self._counting_at = float("-inf")
        self._digests_at = float("-inf")
        self._moving = True
        self._sweeping = Sweeping()

    def dequeue(self) -> list[tuple[Any, str]] | None:
        """Return tickets, each a pair (None, signed task). None: there is no work yet.

        Logs database errors instead of raising them: the pusher would sleep for ten seconds and end.
        """
        try:
            self._listen()
            told, self._told = self._told, False
            if told and self._idle > 0 and not self._unasked:
                self._unasked = 1  # before any query, as a job then starts sooner
                return [(None, _ticket())]
            # A job that was submitted in a caller's transaction is in no flow yet: put it there. The ticket above may
            # have found no work. So it does not count for such a job.
            if (told or self._unasked) and self._join_due():
                self._unasked = 0
            if time.monotonic() - self._handed_at < TAKEN_BY:
                self._wait(TAKEN_BY)
            found = [(None, _ticket()) for _ in range(self._tickets())]
            # After the tickets: a job that is submitted to an idle site must not wait for housekeeping.
            if not found or time.monotonic() - self._kept_at >= POLL_SECONDS:
                self._keep_house()
            if not found and not self._moving:
                self._wait(self._until_next())
        except (DatabaseError, InterfaceError, psycopg.Error) as error:
            logger.warning("The database is away, trying again: %s", reason(error))
            connection.close()
            self._stop_listening()
            time.sleep(POLL_SECONDS)
            return None
        return found or None

    def _keep_house(self) -> None:
        """Run the housekeeping that is due."""
        self._sweep_if_due()
        self._move_some()
        self._join_due()
        if time.monotonic() >= self._tidying.due:
            self._tidying.tidy()
        if time.monotonic() >= self._pruning_at:
            more = (prune.prune() == prune.BATCH_JOBS) | prune_totals()
            self._pruning_at = time.monotonic() + (POLL_SECONDS if more else PRUNE_EVERY)
        if queue_settings().DIGESTS and time.monotonic() >= self._digests_at:
            self._digests_at = time.monotonic() + (POLL_SECONDS if submit_due() else DIGESTS_EVERY)
        if time.monotonic() >= self._counting_at:
            begun = time.monotonic()
            more = count_ended()
            now = time.monotonic()
            self._counting_at = now + (max(COUNT_AGAIN, now - begun) if more else COUNT_EVERY)
        self._kept_at = time.monotonic()

    def _listen(self) -> None:
        """LISTEN on a connection of its own, which no pooler shares, and check it every ASK_EVERY seconds.

        A connection that is cut silently reports nothing. A query on it fails after `tcp_user_timeout`.
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

    def _tickets(self) -> int:
        """Return how many tickets to hand out: at most one per idle processor here, and one per ready flow.

        A ticket's turns go on while anything waits, and the next look hands out more.
        """
        idle, ready = prepared_row(_LOOK, [cluster_id(), cluster_id()])
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
        """After a change of rules, move a batch of jobs or route a batch of users. Claims go on between batches."""
        if self._moving:
            self._moving = move_some() is not None

    def _join_due(self) -> bool:
        """Put due jobs into their flows, and return whether there were some. Look again when the next is due, or after
        POLL_SECONDS.
        """
        begun = time.monotonic()
        if begun < self._due_at:
            return False
        joined = join_due()
        now = time.monotonic()
        self._due_from = now if joined.more else now + DUE_REST * (now - begun)
        next_in = POLL_SECONDS if joined.next_in is None else min(joined.next_in, POLL_SECONDS)
        self._due_at = max(now + next_in, self._due_from)
        return joined.any

    def _until_next(self) -> float:
        """Return the seconds until the next look, unless a notification comes first."""
        now = time.monotonic()
        look = FAST if now - self._handed_at < FAST_FOR else POLL_SECONDS
        return min(look, max(min(self._due_at, self._tidying.due) - now, 0.0))

    def _wait(self, longest: float) -> None:
        assert self._listening is not None
        for _ in self._listening.notifies(timeout=longest, stop_after=1):
            self._told = True
            self._due_at = self._due_from  # another job may be due sooner


def _ticket() -> str:
    """Return a ticket, a signed task for django-q2's worker. The task has no acknowledgement id and is not saved."""
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
