"""Loads of a fleet: made ones, seeded, and slices of a log."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from bench.autoscale.simulation import Arrival
from bench.logs import entries
from queueapp.policy.rules import Terms
from queueapp.swf import Entry

HOUR = 3600.0
USERS = 20


def poisson(rate: Callable[[float], float], peak: float, mean: float, seed: int) -> Iterator[Arrival]:
    """Yield an hour of jobs at a rate that changes, of exponential durations, by twenty users."""
    chooser, now = random.Random(seed), 0.0
    while (now := now + chooser.expovariate(peak)) < HOUR:
        if chooser.random() * peak < rate(now):
            yield Arrival(now, f"user-{chooser.randrange(USERS)}", min(chooser.expovariate(1 / mean), 20 * mean))


def made() -> dict[str, list[Arrival]]:
    """Return the made loads by name. Rates are jobs a second; offered processors are rate times mean duration."""
    steps = poisson(lambda t: (2, 10, 4, 14)[int(t // (HOUR / 4))], 14, 1.0, 1)
    ramps = poisson(lambda t: 1 + 11 * (1 - abs(2 * t / HOUR - 1)), 12, 1.0, 2)
    spikes = poisson(lambda t: 20 if t % 600 < 20 else 1, 20, 1.0, 3)
    day = poisson(lambda t: 6 - 5 * math.cos(2 * math.pi * t / HOUR), 11, 1.0, 4)
    long = poisson(lambda t: 0.1 + 0.1 * math.sin(2 * math.pi * t / HOUR), 0.2, 60.0, 5)
    flood = list(poisson(lambda _: 2, 2, 1.0, 6))
    flood += [Arrival(600.0, "flooder", 1.0, Terms(cap=4)) for _ in range(4000)]
    return {
        "steps": list(steps),
        "ramps": list(ramps),
        "spikes of 20 s": list(spikes),
        "a day's rhythm": list(day),
        "long jobs": list(long),
        "one user floods, cap 4": sorted(flood, key=lambda arrival: arrival.at),
    }


def logged(path: Path, speed: float) -> list[Arrival]:
    """Return the jobs of a log in the Standard Workload Format that have a run time, so many times as fast."""
    return arrivals(timed(path), speed)


def timed(path: Path) -> list[Entry]:
    """Return the jobs of a log that have a run time, by their moments."""
    return sorted((entry for entry in entries(path) if entry.run_time), key=lambda entry: entry.submit)


def arrivals(found: Sequence[Entry], speed: float) -> list[Arrival]:
    """Return jobs of a log so many times as fast, from the first one's moment on."""
    first = found[0].submit
    return [Arrival((e.submit - first) / speed, f"user-{e.user}", float(e.run_time or 0) / speed) for e in found]
