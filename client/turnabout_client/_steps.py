"""What an operation asks its driver to do. An operation is a generator: it yields steps, and gets their outcomes.

So each operation is written once, without I/O; _sync.py and _async.py carry out its steps.
"""

from __future__ import annotations

import random
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import httpx

from .errors import TurnaboutError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Request:
    """A call of the API. `path`: below its root. `repeatable`: sent twice, it does what it does once.

    `silence`: the answer is an event stream, dead after so many seconds without a byte; None: an ordinary answer.
    `wait`: seconds that the server was asked to wait before it answers.
    """

    method: str
    path: str
    body: bytes | None = None
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    repeatable: bool = True
    authenticated: bool = True
    silence: float | None = None
    wait: float = 0.0


@dataclass(frozen=True, slots=True)
class Send:
    """Send a request. Outcome: the httpx.Response, or a httpx.TransportError. A stream stays open for Receive."""

    request: Request
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Receive:
    """Read the open stream. Outcome: its next ServerSentEvent, None at its end, or a httpx.TransportError."""


@dataclass(frozen=True, slots=True)
class Sleep:
    """Wait for so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Alone:
    """Take these steps while no other operation of this client, or of this token file, takes such steps."""

    steps: Steps[None]


@dataclass(frozen=True, slots=True)
class Emit:
    """Hand an item to the caller, who iterates."""

    item: Any


FAILURES = (httpx.TransportError, TurnaboutError)
"""Outcomes of a step that are raised in the operation."""

Step = Send | Receive | Sleep | Alone | Emit
Steps = Generator[Step, Any, T]


@dataclass(frozen=True, slots=True)
class Items(Generic[T]):
    """Steps that emit items of this type."""

    steps: Steps[None]


def advance(steps: Steps[Any], outcome: Any) -> Step:
    """Hand the outcome of the last step in, and return the next one. Raises StopIteration with the result."""
    return steps.throw(outcome) if isinstance(outcome, Exception) else steps.send(outcome)


def attempt(step: Step) -> Steps[Any]:
    """Take a step for another generator. Returns its outcome, a failure included."""
    try:
        return (yield step)
    except FAILURES as error:
        return error


def first(steps: Steps[Any]) -> Steps[Any]:
    """Return the first item that these steps emit."""
    outcome: Any = None
    while not isinstance(step := advance(steps, outcome), Emit):
        outcome = yield from attempt(step)
    steps.close()
    return step.item


class Patience:
    """How long to go on trying: `seconds` in total, with growing, jittered pauses of at most `longest` seconds."""

    def __init__(self, seconds: float, longest: float = 8.0) -> None:
        self._until = time.monotonic() + seconds
        self._longest = longest
        self.tries = 0

    def pause(self, retry_after: float | None = None) -> float | None:
        """Return the seconds to wait before the next try, at least `retry_after`; None: there is no time for it."""
        pause = min(0.25 * 2.0 ** min(self.tries, 16), self._longest) * random.uniform(0.5, 1)  # noqa: S311
        if retry_after is not None:
            pause += retry_after
        if time.monotonic() + pause > self._until:
            return None
        self.tries += 1
        return pause
