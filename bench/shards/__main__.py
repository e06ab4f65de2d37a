"""How fair turns stay if owners are spread over several databases: python -m bench.shards [LOG]

Simulates 1,000 processors on 1, 10, 100 and 1,000 shards with the reference scheduler in each. Owners are hashed to
shards. Ways: processors divided between the shards; one order over all shards; fair queueing over shards and again
inside. The latter two know all shards exactly, or in 50 hosts that look at them once a second. Prints and keeps the
largest gap in service beside the theorem's bound, Jain's index, and waits. Takes about a minute and a half.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable
from pathlib import Path

from bench.harness import keep, table
from bench.shards.loads import Load, logged, made
from bench.shards.measures import measure
from bench.shards.simulation import Simulation
from bench.shards.ways import OneOrder, TwoLevels, Way

PROCESSORS = 1_000
OF_LOG = 100
"""Processors for a log, whose jobs are few and long."""
SHARDS = 10, 100, 1_000
HOSTS, EVERY = 50, 1.0
WAYS: dict[str, Callable[[int], Way]] = {
    "processors divided": Way,
    "one order": OneOrder,
    "one order, once a second": lambda shards: OneOrder(shards, HOSTS, EVERY),
    "two levels": TwoLevels,
    "two levels, once a second": lambda shards: TwoLevels(shards, HOSTS, EVERY),
}
HEADS = ["", "shards", "gap s", "at half time", "of bound", "Jain's index", "busy", "light wait s", "round trips"]
NOTE = f"""\
gap: the largest difference in service per weight between two of the watched owners, over any interval in which both had
a backlog, in processor seconds; of bound: the largest share of its bound in the theorem that a pair's gap has; light
wait: 99 of 100 jobs of light owners start within; round trips: for each turn. Once a second: {HOSTS} hosts look at all
shards every {EVERY:g} s, one host after the other."""


def row(title: str, load: Load, way: Way, processors: int) -> list[str]:
    """Return the columns of one way."""
    shards = len(way.shards)
    if way.hosts > processors:  # divided: some shards would have none
        return [title, f"{shards:,}", *("-" for _ in HEADS[2:])]
    runs = Simulation(way, load, processors).run()
    measures = measure(runs, load, processors)
    return [
        title,
        f"{shards:,}",
        f"{measures.gap:,.1f}",
        f"{measures.half:,.1f}",
        f"{measures.of_bound:.2%}",
        f"{measures.jain:.3f}",
        f"{measures.busy:.1%}",
        "-" if math.isnan(measures.wait) else f"{measures.wait:.2f}",
        f"{way.asked / len(runs):.2f}",
    ]


def main() -> None:
    """Simulate all ways on all loads, and write."""
    parser = argparse.ArgumentParser(prog="bench.shards", description="How fair turns stay over several databases.")
    parser.add_argument("log", nargs="?", type=Path, help="a log in the Standard Workload Format")
    options = parser.parse_args()
    loads = [(name, load, PROCESSORS) for name, load in made(PROCESSORS).items()]
    if options.log:
        loads.append((options.log.stem, logged(options.log, OF_LOG), OF_LOG))
    parts = [NOTE]
    for name, load, processors in loads:
        begun = time.monotonic()
        rows = [row("one database", load, Way(1), processors)]
        rows += [row(title, load, make(shards), processors) for title, make in WAYS.items() for shards in SHARDS]
        what = f"{len(load.jobs):,} jobs, {processors:,} processors, {load.until:,.0f} s"
        parts.append(f"{name}: {what}\n\n{table(HEADS, rows)}")
        print(f"{parts[-1]}\n\n{time.monotonic() - begun:.0f} s\n", flush=True)
    keep("shards", "\n\n".join(parts))


if __name__ == "__main__":
    main()
