"""How good predicted starts are: python -m bench.estimates LOG [--processors 8] [--load 0.8]

Runs a log in the Standard Workload Format through the reference scheduler, at a steady load (arrivals are stretched so
that the processors are busy for that fraction of the time). Every so often it asks the projection that users are
shown for the start of a random waiting job, knowing only what was submitted by then, and compares with the start
that follows. The error is |predicted - real| / real wait.
"""

from __future__ import annotations

import argparse
import random
import statistics
from collections import Counter
from pathlib import Path

from queueapp.policy.projection import Capped, Fleet, Next, Projection, Standing
from queueapp.policy.scheduler import FlowState
from queueapp.policy.simulation import Arrival, Simulation
from queueapp.replay.swf import Entry, read_log

EVERY = 10
"""Events of the simulation between two predictions."""


class Oracle:
    """Asks the projection at every EVERYth event. `asked` has (job, moment, predicted wait), in simulated seconds."""

    def __init__(self, seed: int) -> None:
        self.asked: list[tuple[int, float, float]] = []
        self._chooser = random.Random(seed)
        self._events = 0

    def look(self, simulation: Simulation) -> None:
        """Predict the wait of one random job of a random ready flow."""
        self._events += 1
        flows = [flow for flow in simulation.scheduler.flows.values() if flow.ready]
        if self._events % EVERY or not flows:
            return
        flow = self._chooser.choice(flows)
        index = self._chooser.randrange(len(flow.backlog))
        ahead = sum(task.expected for task in flow.backlog[:index])
        place = flow.backlog[index].place
        wait = project(simulation, flows).seconds_until_start(standing(flow), place, ahead)
        assert wait is not None
        self.asked.append((place, simulation.now, wait))


def standing(flow: FlowState) -> Standing:
    """Return the flow's terms and virtual time."""
    return Standing(flow.terms, flow.vtime)


def project(simulation: Simulation, flows: list[FlowState]) -> Projection:
    """Return the projection of the simulation's present state, as snapshots/fleet.py makes it from the database."""
    serving = [max(task.expected - (simulation.now - since), 0.001) for _, task, since in simulation.serving()]
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
        for task in flow.backlog:
            upcoming.append((standing(flow).tag(ahead), task.place, task.expected))
            ahead += task.expected
    return Projection(fleet, sorted(upcoming))


def arrivals(log: Path, processors: int, load: float) -> list[Arrival]:
    """Return the log's jobs, with submissions stretched so that the processors are busy for the fraction `load`."""
    entries = [entry for entry in read_log(log) if isinstance(entry, Entry)]
    work = sum(max(entry.run_time or 1.0, 1.0) for entry in entries)
    stretch = work / (processors * load) / max(entry.submit for entry in entries)
    return [
        Arrival(entry.submit * stretch, entry.user, seconds, seconds)
        for entry in entries
        for seconds in [max(entry.run_time or 1.0, 1.0)]
    ]


def main() -> None:
    """Run the log, and print the table."""
    parser = argparse.ArgumentParser(prog="bench.estimates", description=__doc__.split("\n")[0])
    parser.add_argument("log", type=Path)
    parser.add_argument("--processors", type=int, default=8)
    parser.add_argument("--load", type=float, default=0.8, help="fraction of the time that processors are busy")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    oracle = Oracle(options.seed)
    load = arrivals(options.log, options.processors, options.load)
    started = {r.index: r.started for r in Simulation(load, options.processors, between=oracle.look).run()}
    waits = [(predicted, started[job] - now) for job, now, predicted in oracle.asked if started[job] > now]
    errors = sorted(abs(predicted - real) / real for predicted, real in waits)
    print(f"jobs {len(load):,}, processors {options.processors}, load {options.load:.0%}")
    print(f"predictions                     {len(errors):>8,}")
    print(f"median real wait                {statistics.median(real for _, real in waits):>8.0f} s")
    print(f"median error                    {statistics.median(errors):>8.1%}")
    print(f"three quarters are below        {errors[len(errors) * 3 // 4]:>8.1%}")
    print(f"within 20 % of the wait         {sum(e <= 0.2 for e in errors) / len(errors):>8.1%}")


if __name__ == "__main__":
    main()
