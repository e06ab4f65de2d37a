"""Helpers of the queue's tests: users and owners, flows, submissions, turns, and connections."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from django.contrib.auth import get_user_model
from django.db import connection, connections

from queueapp.db.routines import versioned
from queueapp.lifecycle.outcome import JobOutcome
from queueapp.lifecycle.processors import register
from queueapp.lifecycle.submit import Accepted, submit
from queueapp.lifecycle.turn import ClaimedJob, Turn, take_turn
from queueapp.lifecycle.validation import parse
from queueapp.models import Flow, FlowState, Owner, PriorityRule
from queueapp.states import Status
from queueapp.workers.worker import Worker, cluster_id

PASS_ON = "SELECT pg_stat_force_next_flush()"
"""The session adds the rows that it has read to the counts of all sessions at the end of this transaction."""


def make_user(name: str, **fields: Any) -> Any:
    """Make a user of this name, of whichever user model, and return it."""
    users: Any = get_user_model()._default_manager
    return users.create_user(name, password="turnabout-test", **fields)


def make_owner(name: str) -> Owner:
    """Make a user of this name, and return its owner."""
    return Owner.objects.of_user(make_user(name))


def user_of(owner: Owner) -> Any:
    """Return the user of an owner, of whichever user model."""
    assert owner.user is not None
    return owner.user


def registered_worker() -> Worker:
    """Make a worker in this process, as of a cluster of its own. Release it at the end."""
    worker = Worker()
    worker.processor = register(cluster_id()).pk
    return worker


def make_flow(key: str, owner: Owner | None = None, **terms: Any) -> Flow:
    """Make a resting flow without a rule, and return it. `terms`: its weight and cap."""
    flow = Flow.objects.create(key=key, owner=owner)
    FlowState.objects.create(flow=flow, **terms)
    return flow


def everyone_takes_turns(**fields: Any) -> PriorityRule:
    """Return the rule that the site ships with. Makes it if a test has emptied the tables."""
    rule, _ = PriorityRule.objects.get_or_create(name="Everyone takes turns", defaults={"position": 1000} | fields)
    return rule


def submit_jobs(whose: Any, *names: str, duration: float = 1.0) -> Accepted:
    """Submit jobs of the task `wait` with these ids, for an owner or a user."""
    owner = whose if isinstance(whose, Owner) else Owner.objects.of_user(whose)
    return submit(owner, [parse({"job_id": name, "duration": duration}) for name in names])


@contextmanager
def second_connection() -> Iterator[psycopg.Connection]:
    """Yield another connection to the same database. Its first statement begins a transaction."""
    parameters = connections.create_connection("default").get_connection_params() | {"cursor_factory": None}
    with psycopg.connect(**parameters) as theirs:
        yield theirs


def ask_uncommitted(theirs: psycopg.Connection, owner: Owner, *names: str) -> None:
    """Submit jobs of 1 s on another connection, and leave its transaction open."""
    jobs = [{"owner": owner.pk, **parse({"job_id": name, "duration": 1.0}).content()} for name in names]
    theirs.execute(versioned("SELECT queueapp_submit(%s, %s::jsonb, 1)"), [[owner.pk], json.dumps(jobs)])


def outcome(job: ClaimedJob, spent: float = 0.0, **fields: Any) -> JobOutcome:
    """Return an outcome: the job succeeded now and took `spent` seconds."""
    return JobOutcome(job.id, job.owner, Status.SUCCEEDED, job.attempt, spent, time.monotonic(), **fields)


def settle(processor: int, turn: Turn, spent: float | None = None, *, more: bool = False) -> Turn:
    """Settle every job of a turn with `spent` seconds (None: as declared). With `more`, claim the next turn."""
    outcomes = [outcome(job, job.duration if spent is None else spent) for job in turn.jobs]
    return take_turn(processor, turn.number, outcomes, now=time.monotonic(), more=more)


def run_all(processor: int, spent: float | None = None, limit: int = 100_000) -> list[str]:
    """Run turns on one processor until nothing waits or it got `limit` jobs. Return the jobs' names in order."""
    got: list[str] = []
    turn = take_turn(processor)
    while turn.jobs:
        got += [job.name for job in turn.jobs]
        turn = settle(processor, turn, spent, more=len(got) < limit)
    return got


def plan_anew() -> None:
    """Close the connection: the next one knows no plan. Its counts of rows read are passed on before, not some time."""
    with connection.cursor() as cursor:
        cursor.execute(PASS_ON)
    connection.close()


def rows_read(*tables: str) -> int:
    """Return how many rows of these tables this session has read and not passed on. Compare within a transaction: it
    passes nothing on.

    The counts of all sessions do not serve: each adds its own at a time of its choice, or late at its end.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) FROM pg_stat_xact_user_tables"
            " WHERE relname = ANY (%s)",
            [list(tables)],
        )
        return int(cursor.fetchone()[0])


def names(jobs: Iterable[ClaimedJob]) -> list[str]:
    """Return the jobs' names."""
    return [job.name for job in jobs]


def in_thread(work: Callable[[], Any]) -> Any:
    """Return the result of `work`, and close this thread's connection. Run it in a thread other than the test's."""
    try:
        return work()
    finally:
        connection.close()


def await_a_waiter(over: Callable[[], bool]) -> None:
    """Wait until a session waits for a lock. Fails if `over`, the end of the work that should wait, comes first."""
    with connection.cursor() as cursor:
        while not waiting_sessions(cursor):
            assert not over(), "it did not wait"


def waiting_sessions(cursor: Any) -> list[int]:
    """Return the process ids of the sessions of this database that wait for a lock."""
    cursor.execute("SELECT pg_stat_clear_snapshot()")  # else a transaction sees the sessions of its first look
    cursor.execute("SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
    return [pid for (pid,) in cursor.fetchall()]
