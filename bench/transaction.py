"""A host's transaction that has submitted and stays open: python -m bench.transaction [--seconds 60] [--rounds 3]

Other processes submit, submit in transactions of their own, claim and settle, pause and resume, change a rule, and keep
house as a broker does, each at a steady rate. Periods alternate: nothing is open; a transaction is open that has
written something else; one that has submitted a job of a busy owner and one of a new owner; one that holds the locks of
a submission outside of a transaction, as a counter-check. Prints the p50 and p99 of each action, and their ratios to
those with nothing open. An action that waits longer than lock_timeout counts with the time that it has waited. Writes
bench/results/transaction.txt and .json.

Uses a database of its own on the embedded server, or on the one that DATABASE_URL names.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import count
from multiprocessing.synchronize import Event
from typing import Any

from bench.claiming import succeeded
from bench.filling import DECLARED, NOTHING
from bench.harness import in_turn, keep, own_database, table

OWNERS = 20
CASES = ("nothing", "other", "submitted", "locks")
"""What is open: nothing; a transaction that has written elsewhere; one that has submitted; one with the locks of a
submission outside of one."""
AIM = 1.2
"""Maximum ratio of a p99: what is more is marked."""
Act = Callable[[int], Any]
Samples = list[tuple[str, float, float]]
"""An action, when it began (time.monotonic), and the seconds that it took."""


def owner(number: int) -> str:
    return f"owner-{number % OWNERS}"


def submit(n: int) -> None:
    import queueapp

    queueapp.submit(owner(n), NOTHING, duration=DECLARED)


def submit_in_a_transaction(n: int) -> None:
    from django.db import transaction

    with transaction.atomic():
        submit(n)


def pause_and_resume(n: int) -> None:
    from queueapp.lifecycle.pause import pause, resume
    from queueapp.models import Owner

    resume(pause("bench", Owner.objects.of_key("paused")))


def change_a_rule(n: int) -> None:
    from queueapp.lifecycle.route import reroute
    from queueapp.models import PriorityRule

    PriorityRule.objects.update(weight=1 + n % 2)
    reroute()


def keeps_house() -> Act:
    """Return the action of a broker: put due jobs into their flows, move the order start and vacuum when due."""
    from queueapp.lifecycle.maintenance.schedule import join_due
    from queueapp.lifecycle.maintenance.vacuum import Tidying

    tidying = Tidying()

    def act(n: int) -> None:
        while join_due().more:
            pass
        if time.monotonic() >= tidying.due:
            tidying.tidy()

    return act


def claims() -> Act:
    """Return the action of one processor: settle the last turn, claim the next."""
    from queueapp.lifecycle.processors import register
    from queueapp.lifecycle.turn import Turn, take_turn

    processor, turn = register("bench").pk, Turn()

    def act(n: int) -> None:
        nonlocal turn
        turn = take_turn(processor, turn.number, succeeded(turn) or None, now=time.monotonic())

    return act


ACTORS: dict[str, tuple[float, Callable[[], Act]]] = {
    "submit": (40, lambda: submit),
    "submit in a transaction": (20, lambda: submit_in_a_transaction),
    "claim and settle": (100, claims),
    "pause and resume": (2, lambda: pause_and_resume),
    "change a rule": (1, lambda: change_a_rule),
    "put due jobs, tidy": (50, keeps_house),
}
"""Actions a second, and what makes the action, by its name. Each has a process."""


def run(name: str, stop: Event, samples: Any) -> None:
    """Repeat an action at its rate until told to stop. Puts its samples into the queue."""
    from django.db import OperationalError

    rate, make = ACTORS[name]
    act, seen, due = make(), list[tuple[str, float, float]](), time.monotonic()
    for n in count():
        due = max(due + 1 / rate, time.monotonic() - 1 / rate)
        if stop.wait(max(due - time.monotonic(), 0.0)):
            break
        begun = time.monotonic()
        with suppress(OperationalError):
            act(n)
        seen.append((name, begun, time.monotonic() - begun))
    samples.put(seen)


@contextmanager
def opened(case: str, number: int) -> Iterator[None]:
    """Keep a transaction open, as the case says."""
    from django.db import connection, transaction

    import queueapp
    from queueapp.db.routines import versioned
    from queueapp.models import Owner

    if case == "nothing":
        yield
        return
    with transaction.atomic():
        with connection.cursor() as cursor:  # a host's own bound of such transactions may be longer
            cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
            cursor.execute("SELECT txid_current()")
        if case == "submitted":
            queueapp.submit(owner(0), NOTHING, duration=DECLARED)
            queueapp.submit(f"new-{number}", NOTHING, duration=DECLARED)
        elif case == "locks":
            pk = Owner.objects.of_key(owner(0)).pk
            job = {"owner": pk, "name": f"open-{number}", "task": NOTHING, "payload": {}, "duration": DECLARED}
            with connection.cursor() as cursor:
                cursor.execute(versioned("SELECT queueapp_submit(%s, %s::jsonb, 1, false)"), [[pk], json.dumps([job])])
        yield


def measure(cases: Sequence[str], seconds: float, rounds: int) -> dict[str, dict[str, list[float]]]:
    """Run all actors through alternating periods. Return the seconds of the actions, by action and case."""
    from django.db import connections

    connections.close_all()  # children must not share a connection
    context = multiprocessing.get_context("fork")
    stop, samples = context.Event(), context.Queue()
    actors = [context.Process(target=run, args=(name, stop, samples), daemon=True) for name in ACTORS]
    for actor in actors:
        actor.start()
    periods = []
    try:
        for number, case in in_turn(cases, rounds):
            with opened(case, number):
                time.sleep(0.5)
                begun = time.monotonic()
                time.sleep(seconds)
                periods.append((case, begun, time.monotonic()))
    finally:
        stop.set()
        taken: Samples = [sample for _ in actors for sample in samples.get(timeout=60)]
        for actor in actors:
            actor.join(10)
            actor.kill()
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for name, at, took in taken:
        for case, begun, ended in periods:
            if at < ended and at + took > begun:  # those that waited all the time, too
                found[name][case].append(took)
    return found


def percentile(values: Sequence[float], hundredth: int) -> float:
    """Return a percentile in ms. Of no values: NaN."""
    if len(values) < 2:
        return values[0] * 1000 if values else float("nan")
    return statistics.quantiles(values, n=100, method="inclusive")[hundredth - 1] * 1000


def report(found: dict[str, dict[str, list[float]]], cases: Sequence[str], facts: str) -> str:
    """Return the table as text."""
    rows = []
    for name in ACTORS:
        base = [percentile(found[name]["nothing"], hundredth) for hundredth in (50, 99)]
        for case in cases:
            now = [percentile(found[name][case], hundredth) for hundredth in (50, 99)]
            ratios = [value / before for value, before in zip(now, base, strict=True)]
            mark = "" if case == "nothing" or ratios[1] <= AIM else " !"
            rows.append([name, case, f"{len(found[name][case]):,}", *(f"{value:,.2f}" for value in now),
                         f"{ratios[0]:,.2f}", f"{ratios[1]:,.2f}{mark}"])  # fmt: skip
    return f"{facts}\n\n" + table(["ms", "open", "actions", "p50", "p99", "ratio of p50", "of p99"], rows)


def main() -> None:
    """Measure, and write the report."""
    parser = argparse.ArgumentParser(prog="bench.transaction", description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=60.0, help="seconds of a period (60)")
    parser.add_argument("--rounds", type=int, default=3, help="periods of each case (3)")
    parser.add_argument("--no-locks", action="store_true", help="without the counter-check")
    options = parser.parse_args()
    cases = CASES[:3] if options.no_locks else CASES
    with own_database("turnabout_bench_transaction") as (server, _):
        import queueapp

        for number in range(OWNERS):
            queueapp.submit(owner(number), NOTHING, duration=DECLARED)
        queueapp.submit("paused", NOTHING, duration=DECLARED)
        load = os.getloadavg()[0]
        found = measure(cases, options.seconds, options.rounds)
        facts = (
            f"{options.rounds} periods of {options.seconds:g} s each; PostgreSQL {server.version()}, {os.cpu_count()}"
            f" cores, load average {load:.1f} before and {os.getloadavg()[0]:.1f} after"
        )
    text = report(found, cases, facts)
    print(text)
    figures = {
        name: {case: [percentile(found[name][case], part) for part in (50, 99)] for case in cases} for name in ACTORS
    }
    keep("transaction", text, figures)


if __name__ == "__main__":
    main()
