"""What a change of rules costs those who work meanwhile: python -m bench.reroute [--jobs 1000000] [--users 100]

Fills the backlog of one line (no rule), lets four processors claim, and then switches on the rule *Everyone takes
turns*: every user leaves the line for a flow alone, and every waiting job moves. One process moves what is left, as a
broker does. Prints the claims per second and the longest pause between two claims, before, during and after, and how
long it took. A second change, the weight of that rule, moves nothing.

Uses a database of its own on the embedded server, or on the one that DATABASE_URL names.
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import time
from itertools import pairwise
from multiprocessing.synchronize import Event
from typing import Any

from bench.claiming import CLAIMERS, succeeded
from bench.harness import own_database

WINDOW = 6.0
"""Seconds of claims that are counted before and after each change."""


def claim(stop: Event, moments: Any) -> None:
    """Take turns of one job each until told to stop or nothing waits. Puts the moments of all claims into the queue."""
    from queueapp.lifecycle.processors import register
    from queueapp.lifecycle.turn import take_turn

    processor, seen = register("bench").pk, []
    turn = take_turn(processor)
    while turn.jobs and not stop.is_set():
        now = time.monotonic()
        seen.append(now)
        turn = take_turn(processor, turn.number, succeeded(turn), now=now)
    moments.put(seen)


def move(stop: Event, finished: Any) -> None:
    """Move jobs and route owners, as a broker does. Puts the moment at which nothing was left into the queue."""
    from queueapp.lifecycle.route import move_some

    busy = False
    while not stop.is_set():
        if move_some() is not None:
            busy = True
        elif busy:
            busy = False
            finished.put(time.monotonic())
        else:
            time.sleep(0.05)


def fill(users: int, jobs: int) -> None:
    """Switch all rules off, and submit that many jobs in one flow, in equal parts by the users."""
    from queueapp.lifecycle.submit import submit
    from queueapp.lifecycle.validation import Submission
    from queueapp.models import Owner, PriorityRule

    PriorityRule.objects.update(active=False)
    everyone = [Owner.objects.create(key=f"owner-{n}") for n in range(users)]
    for start in range(0, jobs // users, 5_000):
        for owner in everyone:
            part = range(start, min(start + 5_000, jobs // users))
            submit(owner, [Submission(job_id=f"j{n}", duration=1.0) for n in part])


def report(name: str, moments: list[float], begin: float, end: float) -> None:
    """Print the claims per second of one period, and the median and longest pause between two."""
    within = [moment for moment in moments if begin <= moment < end]
    pauses = sorted(b - a for a, b in pairwise(within)) or [0.0]
    rate = len(within) / (end - begin)
    median, longest = statistics.median(pauses) * 1e3, pauses[-1] * 1e3
    print(f"{name:<22} {end - begin:>7.1f} {rate:>10,.0f} {median:>12.2f} {longest:>13.1f}")


def change(active: bool, weight: float) -> float:
    """Save the rule as staff would, and return the seconds that this took."""
    from queueapp.models import PriorityRule

    rule = PriorityRule.objects.get(name="Everyone takes turns")
    rule.active, rule.weight = active, weight
    begin = time.monotonic()
    rule.save()
    return time.monotonic() - begin


def main() -> None:
    """Fill a database, measure, and print the table."""
    parser = argparse.ArgumentParser(prog="bench.reroute", description=__doc__.split("\n")[0])
    parser.add_argument("--jobs", type=int, default=1_000_000)
    parser.add_argument("--users", type=int, default=100)
    options = parser.parse_args()
    with own_database("turnabout_bench_reroute"):
        fill(options.users, options.jobs)
        measure(options)


def measure(options: argparse.Namespace) -> None:
    """Claim all the time. Switch the rule on, later give it another weight, and print the table."""
    from django.db import connections

    connections.close_all()
    context = multiprocessing.get_context("fork")
    stop, moments, finished = context.Event(), context.Queue(), context.Queue()
    workers = [context.Process(target=claim, args=(stop, moments)) for _ in range(CLAIMERS)]
    workers.append(context.Process(target=move, args=(stop, finished)))
    for worker in workers:
        worker.start()
    begin = time.monotonic()
    time.sleep(WINDOW)
    switched = time.monotonic()
    answered = change(active=True, weight=1.0)
    moved = finished.get(timeout=1_200)
    time.sleep(WINDOW)
    end = time.monotonic()
    reweighed = change(active=True, weight=2.0)
    time.sleep(WINDOW)
    stop.set()
    seen = sorted(moment for _ in range(CLAIMERS) for moment in moments.get(timeout=60))
    for worker in workers:
        worker.join()
    print(f"{options.jobs:,} waiting jobs of {options.users:,} users; {CLAIMERS} processors, turns of one job\n")
    print("period                 seconds   claims/s  median pause ms  longest ms")
    report("before", seen, begin, switched)
    report("while all jobs move", seen, switched, moved)
    report("after", seen, moved, end)
    report("another weight", seen, end, end + WINDOW)
    print(f"\nthe change was answered after {answered:.2f} s, the other weight after {reweighed:.2f} s")


if __name__ == "__main__":
    main()
