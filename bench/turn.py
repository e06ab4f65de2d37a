"""The microseconds that a job costs, by step: python -m bench.turn

One process alone takes turns of 1, 10 and 100 jobs by `queueapp.lifecycle.turn.take_turn`. It measures settling,
claiming, and both in one round trip as a processor does; beside them an empty round trip, and the time that Python
spends on outcomes before they are sent. Medians in microseconds. No job is run. Writes bench/results/turn.txt.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from bench.claiming import succeeded
from bench.filling import fill
from bench.harness import keep, own_database, table

if TYPE_CHECKING:
    from queueapp.lifecycle.turn import Turn

NAME = "turnabout_bench_turn"
DECLARED = {1: 1.0, 10: 0.002, 100: 1e-6}
"""Seconds that jobs declare, by jobs per turn."""
WHAT = NOTHING, PYTHON, SETTLE, CLAIM, BOTH = (
    "a round trip that does nothing",
    "outcomes made, in Python",
    "settle alone",
    "claim alone",
    "settle and claim",
)
USERS = 100
WARM_UP = 20


class Clock:
    """Durations of calls in microseconds, by name."""

    def __init__(self) -> None:
        self.taken: dict[str, list[float]] = {}

    def time(self, what: str, work: Callable[[], Any]) -> Any:
        """Call `work`, note its duration, and return its result."""
        begun = time.perf_counter()
        result = work()
        self.taken.setdefault(what, []).append((time.perf_counter() - begun) * 1e6)
        return result

    def median(self, what: str) -> float:
        """Return the median in microseconds, without the first WARM_UP calls."""
        return statistics.median(self.taken[what][WARM_UP:])


def measure(size: int, turns: int) -> Clock:
    """Measure turns of one size. Every user's backlog is a whole number of turns."""
    from django.db import connection

    from queueapp.lifecycle.processors import register
    from queueapp.lifecycle.turn import take_turn

    fill(USERS, USERS * size * (3 * turns // USERS + 1), declared=DECLARED[size])
    processor, clock = register("bench").pk, Clock()

    def settle(turn: Turn, more: bool) -> Turn:
        return take_turn(processor, turn.number, succeeded(turn), now=time.monotonic(), more=more)

    turn = take_turn(processor)
    for _ in range(turns):
        assert len(turn.jobs) == size, f"a turn of {len(turn.jobs)} jobs where {size} were expected"
        clock.time(PYTHON, partial(_in_python, turn))
        turn = clock.time(BOTH, partial(settle, turn, True))
        clock.time(SETTLE, partial(settle, turn, False))
        turn = clock.time(CLAIM, partial(take_turn, processor))
        clock.time(NOTHING, _nothing)
    settle(turn, False)
    connection.close()
    return clock


def _in_python(turn: Turn) -> None:
    """Make the outcomes and their SQL text, as is done before they are sent."""
    from queueapp.lifecycle.outcome import literal

    literal(succeeded(turn), time.monotonic())


def _nothing() -> None:
    """Make a round trip that does nothing."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        cursor.fetchone()


def main() -> None:
    """Measure every size of turn, and print and write the table."""
    parser = argparse.ArgumentParser(prog="bench.turn", description="Where a job's microseconds go.")
    parser.add_argument("--turns", type=int, default=300, help="of each size, and as many of each kind (300)")
    options = parser.parse_args()
    with own_database(NAME) as (server, _):
        load, version = os.getloadavg()[0], server.version()
        clocks = {size: measure(size, options.turns) for size in DECLARED}
    rows = [[what, *(f"{clock.median(what):,.0f}" for clock in clocks.values())] for what in WHAT]
    rows.append(["for each job", *(f"{clock.median(BOTH) / size:,.0f}" for size, clock in clocks.items())])
    text = (
        f"Microseconds, medians of {options.turns} turns, one process; PostgreSQL {version}, load average "
        f"{load:.1f} before\n\n" + table(["", *(f"turns of {size}" for size in clocks)], rows)
    )
    print(text)
    keep("turn", text)


if __name__ == "__main__":
    main()
