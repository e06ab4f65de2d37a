"""Interleavings: run the product's own code on several connections, statement by statement, in a given order.

Each actor is a thread with its own connection. It stops before each statement that it sends, and before each COMMIT.
A statement outside of any transaction that may write or lock is sent in two steps, the statement and its COMMIT, so
that other actors can move in between. One actor moves at a time. An actor that waits for a lock, by pg_blocking_pids,
is passed over until it can go on.
"""

from __future__ import annotations

import random
import re
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import psycopg
from django.db import connection
from psycopg import pq

Work = Callable[[], Any]
Choose = Callable[[Sequence[str]], int]
"""Returns the index of the actor to move, among the names of those that can."""
_ASKS_ONLY = re.compile(
    r"\s*(?:SELECT|WITH)\b(?!.*(?:queueapp_\w+\(|FOR (?:NO KEY )?UPDATE|pg_advisory|INSERT|UPDATE))", re.S
)
_LOOK = 0.001
"""Seconds after which an actor that has not reached its next step is checked for a lock that it waits for."""
_DEADLOCK = "50ms"
_LONGEST = 30.0

_here = threading.local()
_wait = psycopg.Connection.wait


class Stuck(Exception):
    """An actor neither went on nor waited for a lock in _LONGEST seconds."""


@dataclass
class _Actor:
    name: str
    work: Work
    pid: int = 0
    label: str = ""
    at_gate: bool = False
    over: bool = False
    waited: bool = False
    deadlocks: int = 0
    result: Any = None
    go: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    @property
    def settled(self) -> bool:
        return self.at_gate or self.over


@dataclass
class Run:
    """The record of an interleaving: each actor's result (or the exception that it raised), the steps, and the choices.

    `choices`: for each step, the index of the actor that moved, and the number of those that could.
    """

    results: dict[str, Any]
    steps: list[str]
    choices: list[tuple[int, int]]
    waited: set[str] = field(default_factory=set)
    """Names of the actors that have waited for a lock."""
    deadlocks: int = 0

    @property
    def schedule(self) -> str:
        """The choices in the form of the environment variable INTERLEAVING."""
        return "".join(str(choice) for choice, _ in self.choices)

    def __str__(self) -> str:
        return "\n".join([self.schedule, *self.steps, *(f"{n}: {r!r}" for n, r in self.results.items())])


class Stage:
    """Threads for at most `most` actors, each with its connection, and a connection that sees which of them wait."""

    def __init__(self, most: int = 3) -> None:
        self._pool = ThreadPoolExecutor(most)
        self._most = most
        self._changed = threading.Condition()
        parameters = connection.get_connection_params() | {"cursor_factory": None}
        self._watcher = psycopg.connect(**parameters, autocommit=True)

    def __enter__(self) -> Stage:
        psycopg.Connection.wait = _gated_wait  # type: ignore[method-assign]
        return self

    def __exit__(self, *_: Any) -> None:
        psycopg.Connection.wait = _wait  # type: ignore[method-assign]
        meet = threading.Barrier(self._most)
        for closing in [self._pool.submit(_close, meet) for _ in range(self._most)]:
            closing.result()
        self._pool.shutdown()
        self._watcher.close()

    def run(self, works: Mapping[str, Work], choose: Choose) -> Run:
        """Let the actors move until all are over. `choose` picks the next. Raises Stuck."""
        actors = [_Actor(name, work) for name, work in works.items()]
        futures = [self._pool.submit(self._act, actor) for actor in actors]
        run = Run({}, [], [])
        self._settle(actors)
        while not all(actor.over for actor in actors):
            able = [actor for actor in actors if actor.at_gate]
            if able:
                choice = choose([actor.name for actor in able])
                actor = able[choice]
                run.choices.append((choice, len(able)))
                run.steps.append(f"  {actor.name}: {actor.label}")
                actor.at_gate = False
                actor.go.release()
            self._settle(actors)
        for future in futures:
            future.result()
        run.results = {actor.name: actor.result for actor in actors}
        run.waited = {actor.name for actor in actors if actor.waited}
        run.deadlocks = sum(actor.deadlocks for actor in actors)
        return run

    def _settle(self, actors: Sequence[_Actor]) -> None:
        """Wait until each actor is at its next step, over, or waits for a lock, and until one can move or all are over.

        In a deadlock, PostgreSQL soon cancels one of the actors. Raises Stuck.
        """
        looks = 0
        while True:
            with self._changed:
                self._changed.wait_for(lambda: all(actor.settled for actor in actors), _LOOK)
                moving = [actor for actor in actors if not actor.settled]
            blocked = [actor for actor in moving if self._is_blocked(actor)]
            for actor in blocked:
                actor.waited = True
            if not moving or (any(actor.at_gate for actor in actors) and blocked == moving):
                return
            looks += 1
            if looks > _LONGEST / _LOOK:
                raise Stuck(", ".join(f"{actor.name}: {actor.label}" for actor in moving))

    def _is_blocked(self, actor: _Actor) -> bool:
        if not actor.pid:
            return False
        row = self._watcher.execute("SELECT cardinality(pg_blocking_pids(%s)) > 0", [actor.pid]).fetchone()
        return bool(row and row[0]) and not actor.settled

    def _act(self, actor: _Actor) -> None:
        connection.ensure_connection()
        raw: Any = connection.connection
        actor.pid = raw.info.backend_pid
        with suppress(psycopg.errors.InsufficientPrivilege):  # then PostgreSQL detects a deadlock after a second
            raw.execute(f"SET deadlock_timeout = '{_DEADLOCK}'")
        _here.gate = lambda label: self._stop(actor, label)
        _here.actor = actor
        try:
            actor.result = actor.work()
        except Exception as error:
            actor.result = error
        finally:
            _here.gate = None
            with self._changed:
                actor.over = True
                self._changed.notify_all()

    def _stop(self, actor: _Actor, label: str) -> None:
        with self._changed:
            actor.label, actor.at_gate = label, True
            self._changed.notify_all()
        actor.go.acquire()


def _close(meet: threading.Barrier) -> None:
    meet.wait(_LONGEST)
    connection.close()


def _gated_wait(self: Any, gen: Any, *arguments: Any, **named: Any) -> Any:
    """Replacement of psycopg's Connection.wait, which sends each statement. In an actor's thread it stops first."""
    gate = getattr(_here, "gate", None)
    step = getattr(gen, "__name__", "")
    if gate is None or step not in ("_execute_gen", "_commit_gen"):
        return _wait(self, gen, *arguments, **named)
    idle = self.pgconn.transaction_status == pq.TransactionStatus.IDLE
    statement = "COMMIT" if step == "_commit_gen" else str(gen.gi_frame.f_locals.get("query"))
    if statement != "COMMIT" or not idle:
        gate(" ".join(statement.split())[:100])
    alone = self.autocommit and idle and statement != "COMMIT" and not _ASKS_ONLY.match(statement)
    try:
        if alone:
            return _in_two_steps(self, gen, gate, *arguments, **named)
        return _wait(self, gen, *arguments, **named)
    except psycopg.errors.DeadlockDetected:
        _here.actor.deadlocks += 1
        raise


def _in_two_steps(self: Any, gen: Any, gate: Callable[[str], None], *arguments: Any, **named: Any) -> Any:
    """Send a statement in its own transaction, whose COMMIT is a step, and return its result."""
    self.pgconn.exec_(b"BEGIN")
    try:
        result = _wait(self, gen, *arguments, **named)
    except BaseException:
        self.pgconn.exec_(b"ROLLBACK")
        raise
    gate("COMMIT")
    done = self.pgconn.exec_(b"COMMIT")
    if done.status != pq.ExecStatus.COMMAND_OK:
        raise psycopg.errors.error_from_result(done)
    return result


def play_all(play: Callable[[Choose], Run], most: int) -> bool:
    """Play every interleaving once, at most `most` of them, and return whether these were all.

    This is a depth-first search: the last choice that has an alternative is changed first.
    """
    prefix: list[int] = []
    for _ in range(most):
        choices = play(replayed(map(str, prefix))).choices
        while choices and choices[-1][0] + 1 >= choices[-1][1]:
            choices.pop()
        if not choices:
            return True
        prefix = [choice for choice, _ in choices[:-1]] + [choices[-1][0] + 1]
    return False


def seeded(seed: str) -> Choose:
    """Return random choices, the same for the same seed."""
    chooser = random.Random(seed)
    return lambda able: chooser.randrange(len(able))


def replayed(schedule: Iterable[str]) -> Choose:
    """Return the choices of a Run's schedule. After its end, the first actor moves."""
    coming = iter(schedule)
    return lambda able: min(int(next(coming, "0")), len(able) - 1)
