"""A slice of a log, compressed, on a real site and in the simulation.

The slice is the one in which the simulated fleet changes most often. It is replayed into a database of its own, beside
`manage.py processors` with bounds; its jobs are `wait` tasks. Figures of the real fleet come from the database. A
decision falls anywhere within its second: so the simulation is the mean of ten runs that begin a tenth of a second
apart. Writes bench/results/autoscale-real.txt.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, replace
from pathlib import Path

from bench.autoscale import controllers
from bench.autoscale.loads import arrivals, timed
from bench.autoscale.simulation import TICK, Arrival, simulate
from bench.harness import Crew, keep, own_database, table
from queueapp.policy.autoscale import Bounds
from queueapp.swf import Entry

BOUNDS = Bounds(1, 12)
NAME = "turnabout_bench_autoscale"
PHASES = 10
STEP = 60.0
"""Seconds between the beginnings of two slices that are looked at."""
WITHIN = 0.15
START_LIMIT = 60.0
END_LIMIT = 600.0
HEADS = ["", "p95 wait s", "promises kept", "processor-seconds", "changes"]


@dataclass(frozen=True)
class Figures:
    """What a fleet did with a slice. `kept`: the fraction of jobs that started within the target wait."""

    p95_wait: float
    kept: float
    processor_seconds: float
    changes: float

    def row(self, title: str) -> list[str]:
        """Return the columns."""
        return [
            title, f"{self.p95_wait:.2f}", f"{self.kept:.1%}", f"{self.processor_seconds:,.0f}", f"{self.changes:.1f}",
        ]  # fmt: skip


class Sampler:
    """Adds up the processors that are alive, over time. Reads their number whenever it is shown the progress."""

    def __init__(self) -> None:
        self.processor_seconds = 0.0
        self._at = time.monotonic()
        self._alive = 0

    def look(self, _: int) -> None:
        """Read the number, and add the seconds since the last look."""
        from queueapp.models import Processor

        alive, now = Processor.objects.accepting().count(), time.monotonic()
        self.processor_seconds += (now - self._at) * (alive + self._alive) / 2
        self._at, self._alive = now, alive


def compare(log: Path, speed: float, minutes: float, target: float) -> int:
    """Print and keep the figures of both. Return the exit code: 1 if they disagree, or if a job was ended."""
    chosen = busiest(timed(log), speed, minutes * 60, target)
    load = os.getloadavg()[0]
    real, ended = replayed(chosen, speed, target)
    simulated = simulation(arrivals(chosen, speed), target)
    mean = Figures(*map(statistics.mean, zip(*map(astuple, simulated), strict=True)))
    ratios = [mine / its for mine, its in zip(astuple(real), astuple(mean), strict=True)]
    agree = all(abs(ratio - 1) <= WITHIN for ratio in ratios)
    least, most = (Figures(*map(f, zip(*map(astuple, simulated), strict=True))) for f in (min, max))
    rows = [real.row("real"), mean.row(f"simulated, mean of {PHASES}"), least.row("  least"), most.row("  most")]
    text = (
        f"{log.stem}, {speed:g} times as fast: {minutes:g} minutes, {len(chosen):,} jobs; target wait {target:g} s, "
        f"{BOUNDS.minimum} to {BOUNDS.maximum} processors, load average {load:.1f} before\n\n"
        + table(HEADS, [*rows, ["real / simulated", *(f"{ratio:.2f}" for ratio in ratios)]])
        + f"\n\nThey {'agree' if agree else 'do not agree'} within {WITHIN:.0%}. Jobs ended by scaling: {ended}"
    )
    print(text)
    keep("autoscale-real", text)
    return 0 if agree and not ended else 1


def busiest(jobs: Sequence[Entry], speed: float, seconds: float, target: float) -> list[Entry]:
    """Return the jobs of the slice of so many seconds in which the simulated fleet changes most often.

    Raises SystemExit if the log is shorter.
    """
    slices = [part for part in _slices(jobs, speed, seconds) if part]
    if not slices:
        raise SystemExit(f"The log takes less than {seconds:g} s at this speed: lower --speed or --minutes.")
    return max(slices, key=lambda part: _simulated(arrivals(part, speed), target).changes)


def _slices(jobs: Sequence[Entry], speed: float, seconds: float) -> Iterator[list[Entry]]:
    begin = jobs[0].submit
    while begin + seconds * speed <= jobs[-1].submit:
        yield [job for job in jobs if begin <= job.submit < begin + seconds * speed]
        begin += STEP * speed


def simulation(load: Sequence[Arrival], target: float) -> list[Figures]:
    """Return the figures of the simulated fleet, for each phase of its decisions."""
    return [
        _simulated([replace(one, at=one.at + TICK * phase / PHASES) for one in load], target)
        for phase in range(PHASES)
    ]  # fmt: skip


def _simulated(load: Sequence[Arrival], target: float) -> Figures:
    outcome = simulate(load, target, controllers.ours(BOUNDS), BOUNDS.minimum)
    return _figures(outcome.waits, target, outcome.processor_seconds, outcome.changes)


def _figures(waits: Sequence[float], target: float, processor_seconds: float, changes: float) -> Figures:
    ordered = sorted(waits)
    kept = sum(wait <= target for wait in ordered) / len(ordered)
    return Figures(ordered[int(0.95 * (len(ordered) - 1))], kept, processor_seconds, changes)


def replayed(jobs: list[Entry], speed: float, target: float) -> tuple[Figures, int]:
    """Replay jobs into a real site. Return its figures, and how many jobs were ended, or lost an attempt."""
    with own_database(NAME):
        from queueapp.models import FleetDecision, Outcome, Processor
        from queueapp.replay.replay import Log, Pace, Replay, owners_of

        log = Log(jobs)
        replay = Replay(log, owners_of(log), Pace(speed), "real")
        with Crew(PROCESSORS=f"{BOUNDS.minimum}-{BOUNDS.maximum}", TARGET_WAIT=f"{target:g}") as crew:
            crew.start("manage.py", "processors")
            crew.wait(lambda: Processor.objects.accepting().count() == BOUNDS.minimum, START_LIMIT)
            FleetDecision.objects.all().delete()
            sampler = Sampler()
            replay.submit_all(sampler.look)
            if gave_up := replay.wait(sampler.look, END_LIMIT):
                raise RuntimeError(gave_up)
            changes = FleetDecision.objects.count()
        done = Outcome.objects.select_related("job")
        waits = [(one.started_at - one.job.submitted_at).total_seconds() for one in done if one.started_at]
        ended = len(jobs) - done.filter(status="succeeded", attempt=1).count()
        return _figures(waits, target, sampler.processor_seconds, changes), ended
