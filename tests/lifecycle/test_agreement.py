"""The database takes exactly the steps of the reference scheduler: the same jobs, the same virtual times to the bit."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import pytest
from django.db import transaction

from queueapp.lifecycle.maintenance.schedule import join_due
from queueapp.lifecycle.validation import Submission
from queueapp.models import Owner
from queueapp.policy.rules import Terms
from queueapp.policy.scheduler import FlowState, QueuedJob, TurnState
from queueapp.policy.simulation import Arrival, Simulation
from queueapp.swf import Entry, read_log
from tests.kit.mirror import Mirror
from tests.kit.site import BASE

pytestmark = [pytest.mark.usefixtures("no_rules"), pytest.mark.timeout(600)]

NASA = BASE.parent / "shared" / "data" / "NASA-iPSC-1993-3.1-cln.swf"


def agree(arrivals: list[Arrival], processors: int, mirror: Mirror | None = None) -> Mirror:
    """Run it on both; every step compares. The mirror, for more questions."""
    mirror = mirror or Mirror()
    assert len(list(Simulation(arrivals, processors, mirror).run())) == len(arrivals)
    assert mirror.claims > 0
    return mirror


def random_load(seed: int, flows: int, jobs: int) -> list[Arrival]:
    """Bursts and trickles, long and tiny, capped and weighted, well and badly declared."""
    chooser = random.Random(seed)
    kinds = [
        Terms(chooser.choice([0.1, 1.0, 1.0, 2.5, 10.0]), chooser.choice([None, None, 1, 2])) for _ in range(flows)
    ]
    arrivals: list[Arrival] = []
    now = 0.0
    while len(arrivals) < jobs:
        now += chooser.choice([0.0, 0.0, 0.3, 5.0])
        flow = chooser.randrange(flows)
        actual = chooser.choice([0.004, 0.03, 0.3, 2.0, 8.0]) * chooser.uniform(0.8, 1.2)
        expected = actual * chooser.choice([1.0, 1.0, 0.05, 4.0])
        arrivals += [Arrival(now, flow, expected, actual, kinds[flow])] * chooser.randint(1, 12)
    return arrivals[:jobs]


@pytest.mark.parametrize("seed", [*range(6), 50])
def test_random_loads(seed: int) -> None:
    agree(random_load(seed, flows=7, jobs=300), processors=1 + seed % 4)


@pytest.mark.slow
def test_a_thousand_flows() -> None:
    agree([Arrival(n / 1000, n % 1100, 1.0, 1.0) for n in range(1400)], processors=3)


def test_a_flood_beside_a_trickle_and_a_heavy_weight_that_never_stops() -> None:
    flood = [Arrival(0.0, "flood", 0.5, 0.5)] * 700
    heavy = [Arrival(n * 0.1, "heavy", 0.5, 0.5, Terms(10.0)) for n in range(400)]
    trickle = [Arrival(n * 7.0, "trickle", 0.5, 0.5) for n in range(15)]
    agree(sorted([*flood, *heavy, *trickle], key=lambda arrival: arrival.at), processors=4)


@pytest.mark.slow
def test_a_flood_of_thirty_thousand_jobs() -> None:
    """Beside ten users who come later, for as long as these have jobs; what is left of the flood waits on."""
    mirror = Mirror()
    flood = mirror.flow("flood")
    for first in range(-30_000, 0, 5_000):  # before the places of all others, which begin at 0
        mirror.submit(flood, [QueuedJob(place, 0.5) for place in range(first, first + 5_000)])
    others = [Arrival(1.0 + n, f"other {n % 10}", 0.4, 0.4) for n in range(250)]
    runs = Simulation(others, 4, mirror).run()
    ended = 0
    while ended < len(others):
        ended += next(runs).flow != "flood"
    assert 25_000 < len(flood.backlog) < 29_500


def test_a_flow_that_empties_and_refills_at_every_claim() -> None:
    blinker = [Arrival(n * 0.7, "blinker", 0.7, 0.7) for n in range(150)]
    steady = [Arrival(0.0, "steady", 0.4, 0.4)] * 200
    agree(sorted([*blinker, *steady], key=lambda arrival: arrival.at), processors=2)


def test_rules_changed_in_mid_flood() -> None:
    """Weights and caps change at every twentieth claim."""
    chooser = random.Random(4)

    class Restless(Mirror):
        def submit(self, flow: FlowState, tasks: list[QueuedJob]) -> None:  # type: ignore[override]
            super().submit(flow, tasks)
            if chooser.random() < 0.1:
                changed = chooser.choice(list(self.flows.values()))
                self.set_flow(changed, Terms(chooser.choice([0.1, 1.0, 3.0, 10.0]), chooser.choice([None, 1, 3])))

    agree(random_load(99, flows=6, jobs=400), processors=3, mirror=Restless())


def test_jobs_that_are_submitted_in_transactions_take_the_turns_of_others() -> None:
    """After the commit, as soon as they have joined, it is as if they had been submitted just then."""
    chooser = random.Random(5)

    class InTransactions(Mirror):
        def accept(self, jobs: Sequence[tuple[Owner, Submission]]) -> None:
            if chooser.random() < 0.3:
                super().accept(jobs)
                return
            with transaction.atomic():
                super().accept(jobs)
            assert join_due().next_in is None

    agree(random_load(51, flows=7, jobs=300), processors=3, mirror=InTransactions())


@pytest.mark.parametrize("seed", range(3))
def test_jobs_moved_to_the_front_and_the_back_of_their_flows(seed: int) -> None:
    """In mid flood: while turns are out whose jobs may come back, and beside pauses and other terms."""
    chooser = random.Random(seed)

    class Restless(Mirror):
        moves = 0

        def submit(self, flow: FlowState, tasks: list[QueuedJob]) -> None:  # type: ignore[override]
            super().submit(flow, tasks)
            self._move_some()

        def claim(self) -> TurnState | None:
            turn = super().claim()
            if self.flows:
                self._move_some()
            if turn is None:
                for flow in self.flows.values():
                    if flow.paused:
                        self.resume(flow)
                turn = super().claim()
            return turn

        def _move_some(self) -> None:
            flow = chooser.choice(list(self.flows.values()))
            if chooser.random() < 0.05:
                (self.resume if flow.paused else self.pause)(flow)
            elif chooser.random() < 0.05:
                self.set_flow(flow, Terms(chooser.choice([0.1, 1.0, 3.0]), chooser.choice([None, 1, 3])))
            elif chooser.random() < 0.4 and flow.backlog:
                some = chooser.sample(flow.backlog, min(chooser.choice([1, 1, 2, 9]), len(flow.backlog)))
                self.reorder(flow, some, front=chooser.random() < 0.6)
                self.moves += 1

    mirror = Restless()
    agree(random_load(80 + seed, flows=5, jobs=250), processors=1 + seed, mirror=mirror)
    assert mirror.moves > 50


@pytest.mark.parametrize("seed", range(3))
def test_users_paused_and_resumed_in_mid_flood(seed: int) -> None:
    """Now and then a flow is paused or goes on, at work or not; when nothing else is left, all go on."""
    chooser = random.Random(seed)

    class Restless(Mirror):
        paused = 0

        def submit(self, flow: FlowState, tasks: list[QueuedJob]) -> None:  # type: ignore[override]
            super().submit(flow, tasks)
            if chooser.random() < 0.15:
                changed = chooser.choice(list(self.flows.values()))
                (self.resume if changed.paused else self.pause)(changed)
                self.paused += changed.paused

        def claim(self) -> TurnState | None:
            turn = super().claim()
            paused = [flow for flow in self.flows.values() if flow.paused]
            if turn is not None or not paused:
                return turn
            for flow in paused:
                self.resume(flow)
            return super().claim()

    mirror = Restless()
    agree(random_load(70 + seed, flows=6, jobs=300), processors=1 + seed, mirror=mirror)
    assert mirror.paused > 3


def nasa(path: Path, jobs: int, speed: float) -> list[Arrival]:
    entries = islice((entry for entry in read_log(path) if isinstance(entry, Entry)), jobs)
    return [
        Arrival(entry.submit / speed, entry.user, run / speed, run / speed)
        for entry in entries
        for run in [max(entry.run_time or 1.0, 1.0)]
    ]


@pytest.mark.skipif(not NASA.exists(), reason="the log is not beside this checkout")
@pytest.mark.parametrize(("jobs", "every"), [(800, 1), pytest.param(6_000, 10, marks=pytest.mark.slow)])
def test_the_nasa_log(jobs: int, every: int) -> None:
    """On four processors, four times as fast as it was logged, so that there is a backlog."""
    agree(nasa(NASA, jobs, 4.0), processors=4, mirror=Mirror(every))
