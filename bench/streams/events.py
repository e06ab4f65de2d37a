"""What clients record of events, and the events that a server sends again."""

from __future__ import annotations

import math
import re
from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import compress

OTHER, QUEUE, PROGRESS, COMPLETED, RESET = range(5)
_KINDS = {b"event: qu": QUEUE, b"event: pr": PROGRESS, b"event: co": COMPLETED, b"event: re": RESET}
_NUMBER = re.compile(rb'\n(?:id: |data: \{"number": )(\d+)')
_TIME = re.compile(rb'"time":"([^"]+)"')

Sent = tuple[float, int, int, int, int]
"""An event to be sent again: seconds after the beginning, user, kind, size, number."""


def kind_of(event: bytes) -> int:
    """Return the kind of an event by the first bytes of its text. OTHER: a comment, `retry`, or an unknown event."""
    return _KINDS.get(event[:9], OTHER)


def number_of(event: bytes) -> int:
    """Return the number of a completion: its `id`, or `number` in its data where a server gives no id."""
    found = _NUMBER.search(event)
    return int(found[1]) if found else 0


def time_of(event: bytes) -> float:
    """Return the time (seconds since the epoch) that a queue says it was read at; NaN if it says none."""
    found = _TIME.search(event)
    return datetime.fromisoformat(found[1].decode()).timestamp() if found else float("nan")


@dataclass
class Recording:
    """Events in the order of their arrival; the same index is the same event in each array.

    `at`: arrival, seconds since the epoch. `user`: index of the stream. `size`: bytes, without the framing of HTTP.
    `number`: of a completion, else 0. `age`: seconds since a queue was read, NaN for other events.
    """

    at: array[float] = field(default_factory=lambda: array("d"))
    user: array[int] = field(default_factory=lambda: array("L"))
    kind: array[int] = field(default_factory=lambda: array("B"))
    size: array[int] = field(default_factory=lambda: array("L"))
    number: array[int] = field(default_factory=lambda: array("q"))
    age: array[float] = field(default_factory=lambda: array("f"))

    def add(self, at: float, user: int, kind: int, event: bytes, number: int) -> None:
        """Append an event, which lacks its last two line feeds."""
        self.at.append(at)
        self.user.append(user)
        self.kind.append(kind)
        self.size.append(len(event) + 2)
        self.number.append(number)
        self.age.append(at - time_of(event) if kind == QUEUE else float("nan"))

    def between(self, since: float, until: float) -> Recording:
        """Return the events that arrived at `since` or later, and before `until`."""
        inside = [since <= at < until for at in self.at]
        return Recording(*(array(its.typecode, compress(its, inside)) for its in vars(self).values()))

    def sequence(self, due: Mapping[int, float], since: float, until: float) -> list[Sent]:
        """Return what a server without any delay would send between `since` and `until`, in order.

        That is: completions at the time that `due` has for their number, other events when they arrived.
        """
        sent = [
            (due.get(number, math.inf) - since if kind == COMPLETED else at - since, user, kind, size, number)
            for at, user, kind, size, number, _ in zip(*vars(self).values(), strict=True)
        ]
        return sorted(event for event in sent if 0 <= event[0] < until - since)


def padded(kind: int, size: int, number: int) -> bytes:
    """Return an event of this kind, number and size in bytes. It is longer if its fields need more."""
    head = {QUEUE: "event: queue\n", PROGRESS: "event: progress\n", RESET: "event: reset\n"}.get(
        kind, f"event: completed\nid: {number}\n"
    )
    return f"{head}data: {'x' * (size - len(head) - 8)}\n\n".encode()
