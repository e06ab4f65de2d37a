"""How well the number of processors follows a load: python -m bench.autoscale [LOG] [--speed 600] [--real]

Simulates an hour of each load with the product's own decision and fair order, beside fixed fleets, other ways to decide
with their default windows, and a fleet that knows the future. Promise: 95 of 100 jobs start within the target wait.
No way ends a running job here. Prints and keeps p95 wait, promises kept, processor-hours, and changes an hour.

With --real a slice of LOG is replayed into a real site instead, and compared with its simulation: see real.py.
"""

from __future__ import annotations

import argparse
import math
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.autoscale import controllers
from bench.autoscale.figure import figure
from bench.autoscale.loads import HOUR, logged, made
from bench.autoscale.real import compare
from bench.autoscale.simulation import Arrival, Decide, Outcome, simulate
from bench.harness import keep, table
from jobsite import local
from queueapp.policy.autoscale import Bounds

BOUNDS = Bounds(1, 64)
Way = tuple[str, Callable[[], Decide], int]
"""A way to decide: its title, how it is made, and the number that it begins with."""


def ways(arrivals: Sequence[Arrival], target: float) -> list[Way]:
    """Return all ways to decide."""
    mean = statistics.mean(arrival.seconds for arrival in arrivals)
    span = max(arrivals[-1].at - arrivals[0].at, 1.0)
    average = math.ceil(sum(arrival.seconds for arrival in arrivals) / span)
    least = BOUNDS.minimum
    peak = max_offered(arrivals)
    return [
        ("clairvoyant", lambda: controllers.clairvoyant(arrivals, target, BOUNDS), least),
        ("this project", lambda: controllers.ours(BOUNDS), least),
        (f"fixed, the average: {average}", lambda: controllers.fixed(average), average),
        (f"fixed, the peak: {peak}", lambda: controllers.fixed(peak), peak),
        ("Kubernetes' HPA on depth", lambda: controllers.hpa(BOUNDS, mean), least),
        ("AWS, backlog per instance", lambda: controllers.backlog_per_instance(BOUNDS, mean), least),
        ("queue time in steps", lambda: controllers.queue_time_steps(BOUNDS), least),
    ]


def max_offered(arrivals: Sequence[Arrival], window: float = 60.0) -> int:
    """Return the processors that the busiest minute asks for, at most the maximum."""
    work: dict[int, float] = {}
    for arrival in arrivals:
        place = int(arrival.at // window)
        work[place] = work.get(place, 0.0) + min(arrival.seconds, window)
    return min(math.ceil(max(work.values()) / window), BOUNDS.maximum)


def row(title: str, outcome: Outcome, span: float, least: float, target: float) -> list[str]:
    """Return the columns of one way."""
    waits = sorted(outcome.waits)
    kept = sum(wait <= target for wait in waits) / len(waits)
    return [
        title,
        f"{waits[int(0.95 * (len(waits) - 1))]:,.1f}",
        f"{kept:.1%}",
        f"{outcome.processor_seconds / HOUR:.2f}",
        f"{outcome.processor_seconds / least:.2f}",
        f"{outcome.changes * HOUR / span:,.0f}",
        str(outcome.most),
    ]


HEADS = ["", "p95 wait s", "promises kept", "processor-hours", "of clairvoyant", "changes/h", "most"]


def main() -> int:
    """Simulate all ways on all loads, and write. Return the exit code."""
    parser = argparse.ArgumentParser(prog="bench.autoscale", description="How well the fleet follows a load.")
    parser.add_argument("log", nargs="?", type=Path, help="a log in the Standard Workload Format")
    parser.add_argument("--speed", type=float, default=600.0, help="times as fast as the log (600)")
    parser.add_argument("--target", type=float, default=5.0, help="seconds of the target wait (5)")
    parser.add_argument("--real", action="store_true", help="replay a slice of the log, and compare")
    parser.add_argument("--minutes", type=float, default=10.0, help="of the slice (10)")
    options = parser.parse_args()
    if options.real:
        if options.log is None:
            parser.error("--real needs a log")
        return compare(options.log, options.speed, options.minutes, options.target)
    loads = made()
    if options.log:
        loads[f"{options.log.stem}, {options.speed:g} times as fast"] = logged(options.log, options.speed)
    parts, figures = [f"Target wait {options.target:g} s, from {BOUNDS.minimum} to {BOUNDS.maximum} processors"], {}
    sizes: dict[str, dict[str, list[int]]] = {}
    for name, arrivals in loads.items():
        span = arrivals[-1].at - arrivals[0].at
        outcomes = {
            title: simulate(arrivals, options.target, make(), first)
            for title, make, first in ways(arrivals, options.target)
        }
        sizes[name] = {title: outcome.sizes for title, outcome in outcomes.items()}
        least = outcomes["clairvoyant"].processor_seconds
        rows = [row(title, outcome, span, least, options.target) for title, outcome in outcomes.items()]
        parts.append(f"{name}: {len(arrivals):,} jobs\n\n{table(HEADS, rows)}")
        figures[name] = {columns[0]: columns[1:] for columns in rows}
        print(parts[-1], flush=True)
    keep("autoscale", "\n\n".join(parts) + "\n", figures)
    (local.BASE / "docs" / "figures" / "autoscale.svg").write_text(figure(sizes))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
