"""The work that is measured: turns, submissions, failed attempts, a long run, and pruning."""

from __future__ import annotations

import time
from dataclasses import replace
from itertools import count
from typing import Any

import psutil

from bench.claiming import Claimers, succeeded
from bench.filling import DECLARED, NOTHING, fill
from bench.size.meter import Cost, bytes_of, cost, dead_tuples, scalar

USERS = 100
CLAIMERS = 2
OF_TURN = {1: (1.0, 50_000), 10: (0.002, 250_000), 100: (1e-6, 500_000)}
"""By jobs of a turn: the seconds that jobs declare, and how many wait at the start."""
TURN_SECONDS = 5.0
SUBMIT_SECONDS = 4.0
LONG_SECONDS = 130.0
"""Autovacuum looks once a minute."""
FAILED = 5_000
ERROR, LOG = "ValueError: the input is not a picture", "Traceback (most recent call last):\n" + 12 * f"  {60 * '.'}\n"
OLD_DAYS = 200


def turns(server: psutil.Process, size: int) -> Cost:
    """Return what settling and claiming costs in turns of this size, with CLAIMERS processes."""
    declared, waiting = OF_TURN[size]
    fill(USERS, waiting, declared=declared)
    with Claimers(claimers=CLAIMERS) as claimers:
        claimers.rate(1.0)  # past the first turns, and their cold caches

        def work() -> int:
            before = claimers.done()
            claimers.rate(TURN_SECONDS)
            return claimers.done() - before

        return cost(server, work)


def submissions(server: psutil.Process, together: int, owners: list[Any]) -> Cost:
    """Return what it costs one process to submit, so many jobs together."""
    from queueapp.lifecycle.submit import submit
    from queueapp.lifecycle.validation import Submission

    def work() -> int:
        until, done = time.monotonic() + SUBMIT_SECONDS, 0
        for number in count():
            jobs = [Submission(job_id=f"{together}-{done + n}", duration=1e-6, task=NOTHING) for n in range(together)]
            submit(owners[number % len(owners)], jobs)
            done += together
            if time.monotonic() > until:
                break
        return done

    return cost(server, work)


def bytes_of_jobs(server: psutil.Process) -> tuple[dict[int, Cost], float, float]:
    """Submit in several ways, and work all off. Return the costs, and the bytes of a waiting and of a finished job."""
    from queueapp.models import Owner

    fill(USERS, 0)
    owners = list(Owner.objects.all())
    empty = bytes_of("job", "waiting", "outcome")
    costs = {together: submissions(server, together, owners) for together in (1, 100, 10_000)}
    jobs = sum(found.jobs for found in costs.values())
    waiting = (bytes_of("job", "waiting", "outcome") - empty) / jobs
    with Claimers(claimers=CLAIMERS) as claimers:
        while claimers.done() < jobs:
            claimers.rate(0.2)
    return costs, waiting, bytes_of("job", "outcome") / jobs


def bytes_of_attempt() -> float:
    """Return the bytes of a failed attempt, with the texts ERROR and LOG."""
    from queueapp.lifecycle.processors import register
    from queueapp.lifecycle.turn import take_turn
    from queueapp.states import Status

    fill(USERS, FAILED, declared=1e-6)
    processor = register("bench").pk
    empty = bytes_of("attempt")
    turn = take_turn(processor)
    while turn.jobs:
        failed = [replace(one, status=Status.FAILED, error=ERROR, log=LOG) for one in succeeded(turn)]
        turn = take_turn(processor, turn.number, failed, now=time.monotonic())
    return (bytes_of("attempt") - empty) / FAILED


HOT = "flowstate", "processor", "waiting"
"""The tables whose rows every turn writes or deletes."""


def long_run() -> dict[str, tuple[int, ...]]:
    """Work for LONG_SECONDS in turns of one, with as many submissions.

    Return by table: bytes before, at half time and at the end, dead tuples at the end, and the autovacuums meanwhile.
    """
    from queueapp.models import Owner

    fill(1_000, 100_000, declared=DECLARED)
    vacuum = "SELECT autovacuum_count FROM pg_stat_user_tables WHERE relid = %s::regclass"
    counts = {table: scalar(vacuum, f"queueapp_{table}") for table in HOT}
    sizes = [{table: bytes_of(table) for table in HOT}]
    with Claimers(feed=list(Owner.objects.all()), declared=DECLARED, claimers=CLAIMERS) as claimers:
        for _ in range(2):
            claimers.rate(LONG_SECONDS / 2)
            sizes.append({table: bytes_of(table) for table in HOT})
    return {
        table: (
            *(size[table] for size in sizes), dead_tuples(table), scalar(vacuum, f"queueapp_{table}") - counts[table]
        )
        for table in HOT
    }  # fmt: skip


def pruning(server: psutil.Process) -> Cost:
    """Return what pruning costs. Of the finished jobs, those of more than RETENTION_DAYS are pruned."""
    from queueapp.lifecycle.maintenance.prune import prune

    fill(USERS, 0, ended=200_000, over=OLD_DAYS * 86_400.0)

    def work() -> int:
        done = 0
        while pruned := prune():
            done += pruned
        return done

    return cost(server, work)
