"""How good predicted starts are: python -m bench.estimates LOG [--processors 8] [--load 0.8] [--seeds 5]

Runs a log in the Standard Workload Format through the reference scheduler, at a steady load (arrivals are stretched so
that the processors are busy for that fraction of the time). Every so often it asks the projection that users are
shown for the start of a random waiting job, knowing only what was submitted by then, and compares with the start
that follows. The error is |predicted - real| / real wait. A range is made of what came of earlier predictions; printed
is how often it held, and its end divided by its beginning.

Durations are declared in three ways: as the jobs take; by a factor of each user's own, from a hundredth to a hundred;
as a minute for every job. Each is run without the costs that flows learn, and with them, once for each seed. A seed
draws the jobs that are asked for and the users' factors. Figures are medians of the seeds, with ranges.
"""

from __future__ import annotations

import argparse
import random
import statistics
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

from bench.harness import middle, table
from bench.logs import entries
from queueapp.policy.accuracy import Accuracy, Factors
from queueapp.policy.projection import Capped, Fleet, Next, Projection, Standing, seconds_left
from queueapp.policy.rules import DEFAULT_TERMS, Terms
from queueapp.policy.scheduler import FlowState, Scheduler
from queueapp.policy.simulation import Arrival, Simulation

LOOKS = 10_000
"""Moments, evenly over the log, at which the start of a job is predicted if one waits."""
HEARTBEAT = 60.0
"""Simulated seconds between charges of jobs that outrun what was expected. At 0.5, days of jobs would take hours."""


class Oracle:
    """Asks the projection `every` so often. `asked` has (job, moment, predicted wait), in simulated seconds."""

    def __init__(self, seed: int, every: float) -> None:
        self.asked: list[tuple[int, float, float]] = []
        self.accuracy = Accuracy()
        self.ranges: dict[int, Factors] = {}
        self._chooser = random.Random(seed)
        self._every = every
        self._next = 0.0

    def look(self, simulation: Simulation) -> None:
        """Predict the wait of one random job of a random ready flow."""
        for _, job, since in simulation.serving():
            if job.number in self.accuracy.open:
                self.accuracy.started(job.number, since)
        if simulation.now < self._next:
            return
        self._next = simulation.now + self._every
        flows = [flow for flow in simulation.scheduler.flows.values() if flow.ready]
        if not flows:
            return
        flow = self._chooser.choice(flows)
        index = self._chooser.randrange(len(flow.backlog))
        ahead = sum(job.declared for job in flow.backlog[:index]) * flow.ratio
        place = flow.backlog[index].number
        wait = project(simulation, flows).seconds_until_start(standing(flow), place, ahead)
        assert wait is not None
        self.asked.append((place, simulation.now, wait))
        self.accuracy.predict(place, simulation.now, wait)
        if (factors := self.accuracy.factors(wait)) is not None:
            self.ranges[len(self.asked) - 1] = factors


def standing(flow: FlowState) -> Standing:
    """Return the flow's terms and virtual time."""
    return Standing(flow.terms, flow.vtime)


def project(simulation: Simulation, flows: list[FlowState]) -> Projection:
    """Return the projection of the simulation's present state, as snapshots/fleet.py makes it from the database."""
    serving = [
        seconds_left(job.declared * flow.ratio, simulation.now - since) for flow, job, since in simulation.serving()
    ]
    idle = len(simulation.processors) - len(serving)
    active = [flow for flow in simulation.scheduler.flows.values() if flow.backlogged or flow.busy]
    capped = Counter(flow.terms for flow in active if flow.terms.cap is not None)
    fleet = Fleet(
        (*serving, *[0.0] * idle),
        flows=len(active),
        total_weight=sum(flow.terms.weight for flow in active),
        capped=tuple(Capped(terms, many) for terms, many in capped.items()),
    )
    upcoming: list[Next] = []
    for flow in flows:
        ahead = 0.0
        for job in flow.backlog:
            expected = job.declared * flow.ratio
            upcoming.append((standing(flow).tag(ahead), job.number, expected))
            ahead += expected
    return Projection(fleet, sorted(upcoming))


def honest(log: Path, processors: int, load: float) -> list[Arrival]:
    """Return the log's jobs, with submissions stretched so that the processors are busy for the fraction `load`."""
    jobs = entries(log)
    work = sum(max(job.run_time or 1.0, 1.0) for job in jobs)
    stretch = work / (processors * load) / max(job.submit for job in jobs)
    return [
        Arrival(job.submit * stretch, job.user, seconds, seconds)
        for job in jobs
        for seconds in [max(job.run_time or 1.0, 1.0)]
    ]


def by_habit(load: list[Arrival], seed: int) -> list[Arrival]:
    """Return the load with each user's durations wrong by a factor of that user, between a hundredth and a hundred."""
    chooser = random.Random(seed)
    factors = {user: 10 ** chooser.uniform(-2, 2) for user in sorted({one.flow for one in load}, key=str)}
    return [replace(one, declared=one.actual * factors[one.flow]) for one in load]


def unthinking(load: list[Arrival]) -> list[Arrival]:
    """Return the load with every job declared as a minute."""
    return [replace(one, declared=60.0) for one in load]


class Unlearning(Scheduler):
    """The order without learned costs: what is declared is what is expected."""

    def flow(self, key: Hashable, terms: Terms = DEFAULT_TERMS) -> FlowState:
        """Return the flow with this key, as the scheduler's."""
        if key not in self.flows:
            self.adopt(Unlearned(key, terms))
        return self.flows[key]


class Unlearned(FlowState):
    """A flow whose ratio stays 1."""

    def learn(self, spent: float, declared: float) -> None:
        """Do nothing."""


@dataclass(frozen=True)
class Errors:
    """Errors of `many` predictions with one seed, in per cent of the real waits, whose median is `wait` seconds.

    `within`: per cent of predictions that were off by a fifth at most. `held`: per cent of starts that fell into the
    range predicted. `width`: the median of latest / earliest.
    """

    many: int
    wait: float
    median: float
    quarter: float
    within: float
    held: float
    width: float


def row(name: str, found: Sequence[Errors]) -> list[str]:
    """Return a row of the table, of all seeds."""
    columns = (middle([getattr(errors, field.name) for errors in found], 1) for field in fields(Errors))
    return [name, *columns]


def predict(load: list[Arrival], processors: int, seed: int, scheduler: Scheduler) -> Errors:
    """Run a load, and return how far predictions were off."""
    oracle = Oracle(seed, load[-1].at / LOOKS)
    runs = Simulation(load, processors, scheduler, HEARTBEAT, oracle.look).run()
    started = {run.index: run.started for run in runs}
    waits = [(predicted, started[job] - now) for job, now, predicted in oracle.asked if started[job] > now]
    errors = sorted(abs(predicted - real) / real for predicted, real in waits)
    held, widths, many = [], [], len(errors)
    for index, (_, earliest, latest) in oracle.ranges.items():
        job, now, predicted = oracle.asked[index]
        held.append(earliest * predicted <= started[job] - now <= latest * predicted)
        widths.append(latest / max(earliest, 0.01))
    return Errors(
        many=many,
        wait=statistics.median(real for _, real in waits),
        median=100 * errors[many // 2],
        quarter=100 * errors[many * 3 // 4],
        within=100 * sum(error <= 0.2 for error in errors) / many,
        held=100 * sum(held) / len(held),
        width=statistics.median(widths),
    )


def main() -> None:
    """Run the log with durations declared in several ways, with learned costs and without, and print the table."""
    parser = argparse.ArgumentParser(prog="bench.estimates", description=__doc__.split("\n")[0])
    parser.add_argument("log", type=Path)
    parser.add_argument("--processors", type=int, default=8)
    parser.add_argument("--load", type=float, default=0.8, help="fraction of the time that processors are busy")
    parser.add_argument("--seeds", type=int, default=5, help="how often all is run")
    options = parser.parse_args()
    load = honest(options.log, options.processors, options.load)
    found: dict[str, list[Errors]] = {}
    for seed in range(1, options.seeds + 1):
        ways = {
            "as they take": load,
            "by each user's habit": by_habit(load, seed),
            "a minute each": unthinking(load),
        }
        for name, declared in ways.items():
            for learned, scheduler in (("", Unlearning()), (", learned", Scheduler())):
                errors = predict(declared, options.processors, seed, scheduler)
                found.setdefault(f"{name}{learned}", []).append(errors)
    measures = ["median error, %", "3 of 4 below, %", "within a fifth, %", "range held, %", "width"]
    heads = ["durations declared", "predictions", "wait, s", *measures]
    rows = [row(name, errors) for name, errors in found.items()]
    print(f"{len(load):,} jobs, {options.processors} processors, {options.load:.0%} load")
    print(table(heads, rows))


if __name__ == "__main__":
    main()
