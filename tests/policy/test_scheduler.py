"""What the fair order promises, as properties of the reference scheduler over arbitrary submissions."""

from __future__ import annotations

import math
import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from queueapp.policy.fairness import head_wait_bound, service_gap_bound
from queueapp.policy.rules import Terms
from queueapp.policy.scheduler import QUANTUM, FlowState, QueuedJob, Scheduler, TurnState
from queueapp.policy.simulation import Arrival, Run, Simulation

SLACK = 1e-6  # of seconds: sums of floating point numbers

seconds = st.one_of(st.floats(0.001, 20).map(lambda x: round(x, 3)), st.sampled_from([0.0005, 0.005, 0.015, 0.019]))
weights = st.sampled_from([0.1, 0.5, 1.0, 1.0, 1.0, 2.0, 3.0, 10.0])
caps = st.sampled_from([None, None, None, 1, 2])
factors = st.sampled_from([1.0, 1.0, 1.0, 0.0001, 0.01, 0.3, 3.0, 50.0, 5000.0])


@st.composite
def loads(draw: st.DrawFn, capped: bool = True, honest: bool = False) -> list[Arrival]:
    """Up to six flows with weights and caps, up to 320 jobs, in bursts and trickles, honestly declared or not.

    A flow can alternate: jobs that take less than they declare, then such that take more.
    """
    flows = {n: (draw(weights), draw(caps) if capped else None) for n in range(draw(st.integers(1, 6)))}
    arrivals, now = [], 0.0
    for _ in range(draw(st.integers(1, 16))):
        now = round(now + draw(st.sampled_from([0.0, 0.0, 0.05, 1.0, 7.0, 150.0])), 3)
        flow = draw(st.sampled_from(sorted(flows)))
        actual, factor = draw(seconds), 1.0 if honest else draw(factors)
        weight, cap = flows[flow]
        arrivals += [Arrival(now, flow, actual * factor, actual, Terms(weight, cap))] * draw(
            st.sampled_from([1, 1, 2, 3, 5, 20])
        )
    return arrivals


processors = st.integers(1, 4)


class Moving(Scheduler):
    """A scheduler whose flows' owners move jobs to the front and the back, at every claim and submission, by a seed."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._chooser = random.Random(seed)

    def submit(self, flow: FlowState, jobs: Sequence[QueuedJob]) -> None:
        super().submit(flow, jobs)
        self._move_some()

    def claim(self) -> TurnState | None:
        self._move_some()
        return super().claim()

    def _move_some(self) -> None:
        for flow in self.flows.values():
            some = [job for job in flow.backlog if self._chooser.random() < 0.1]
            self.reorder(flow, some, front=self._chooser.random() < 0.5)


class Watch:
    """Follows a simulation: each flow's service so far, while which flows are backlogged and below their caps."""

    def __init__(self, arrivals: list[Arrival], processors: int, scheduler: Scheduler | None = None) -> None:
        self.simulation = Simulation(arrivals, processors, scheduler, between=self.look)
        self.moments: list[tuple[float, dict[object, float], frozenset[object]]] = []
        self.idle_while_ready = 0
        self._done: dict[object, float] = defaultdict(float)
        self.runs: list[Run] = []

    def run(self) -> Watch:
        for run in self.simulation.run():
            self._done[run.flow] += run.ended - run.started
            self.runs.append(run)
        return self

    def look(self, simulation: Simulation) -> None:
        service = dict(self._done)
        for flow, _, since in simulation.serving():
            service[flow.key] = service.get(flow.key, 0.0) + simulation.now - since
        ready = frozenset(flow.key for flow in simulation.scheduler.flows.values() if flow.ready)
        idle = sum(processor.turn is None for processor in simulation.processors)
        self.idle_while_ready += bool(ready) and idle > 0
        self.moments.append((simulation.now, service, ready))


def largest_cost(arrivals: list[Arrival], flow: object) -> float:
    return max(max(a.actual, a.declared) for a in arrivals if a.flow == flow)


def over_declared(arrivals: list[Arrival], flow: object) -> float:
    return max(a.declared - a.actual for a in arrivals if a.flow == flow)


# One flow declares far too much, and while that job runs another one joins; a third one joins after it.
OVERSTATED = [
    Arrival(0.0, "overstates", 1000.0, 2.0),
    *[Arrival(0.0, "overstates", 1.0, 1.0)] * 40,
    *[Arrival(1.0, "joins meanwhile", 1.0, 1.0)] * 10,
    *[Arrival(3.0, "joins after", 1.0, 1.0)] * 10,
]

# A flow's jobs take far less than they declare, so that a hundred share a turn. Then each takes nearly a quantum.
ALTERNATES = [
    *[Arrival(0.0, "alternates", 0.03, 0.0001)] * 50,
    *[Arrival(0.0, "alternates", 0.03, 0.019)] * 200,
    *[Arrival(0.0, "honest", 0.01, 0.01)] * 300,
]
# Declared to share turns, and each takes nearly a quantum.
UNDERSTATED = [*[Arrival(0.0, "understates", 1e-5, 0.019)] * 200, *[Arrival(0.0, "honest", 0.01, 0.01)] * 300]


@given(loads(), processors, st.none() | st.integers(0, 99))
@example(OVERSTATED, 1, None)
@example(ALTERNATES, 1, None)
@example(ALTERNATES, 3, None)
@example(UNDERSTATED, 1, None)
@example(ALTERNATES, 3, 1)
@settings(max_examples=200)
def test_two_backlogged_flows_get_service_by_weight_within_the_bound(
    arrivals: list[Arrival], many: int, moves: int | None
) -> None:
    """For every pair, over every interval through which both are backlogged and below their caps.

    `moves`: a seed by which owners move their jobs; None: none does.
    """
    watch = Watch(arrivals, many, None if moves is None else Moving(moves)).run()
    weight = {a.flow: a.terms.weight for a in arrivals}
    for f, g in combinations(sorted(weight, key=str), 2):
        others = [(over_declared(arrivals, h), weight[h]) for h in weight if h not in (f, g)]
        bound = service_gap_bound(
            many,
            QUANTUM,
            (largest_cost(arrivals, f), weight[f]),
            (largest_cost(arrivals, g), weight[g]),
            [other for other in others if other[0] > 0],
        )
        low, high = math.inf, -math.inf
        for _, service, ready in watch.moments:
            if not {f, g} <= ready:
                low, high = math.inf, -math.inf
                continue
            ahead = service.get(f, 0.0) / weight[f] - service.get(g, 0.0) / weight[g]
            low, high = min(low, ahead), max(high, ahead)
            assert high - low <= bound + SLACK


@given(loads(honest=True), processors)
@settings(max_examples=150)
def test_within_a_flow_jobs_start_in_the_order_of_submission(arrivals: list[Arrival], many: int) -> None:
    """Jobs of one turn run one after the other: a later turn may start that much before, a quantum at most."""
    runs = Watch(arrivals, many).run().runs
    assert sorted(run.index for run in runs) == list(range(len(arrivals)))
    by_flow = defaultdict(list)
    for run in sorted(runs, key=lambda run: run.index):
        by_flow[run.flow].append(run)
    for ordered in by_flow.values():
        for earlier, later in combinations(ordered, 2):
            assert earlier.started <= later.started + QUANTUM + SLACK


@given(loads(), processors)
@settings(max_examples=100)
def test_a_claim_never_passes_over_a_job_that_waits(arrivals: list[Arrival], many: int) -> None:
    """However wrongly durations are declared: what was put back is before all that was submitted later."""
    claimed = 0

    class Watched(Scheduler):
        def claim(self) -> TurnState | None:
            nonlocal claimed
            waiting = {key: list(flow.backlog) for key, flow in self.flows.items()}
            turn = super().claim()
            if turn is not None:
                claimed += 1
                assert turn.jobs == sorted(waiting[turn.flow.key])[: len(turn.jobs)]
            return turn

    ended = list(Simulation(arrivals, many, Watched()).run())
    assert len(ended) == len(arrivals)
    assert claimed


@given(loads(), processors)
@settings(max_examples=150)
def test_no_processor_is_idle_while_a_flow_is_ready(arrivals: list[Arrival], many: int) -> None:
    assert Watch(arrivals, many).run().idle_while_ready == 0


@given(loads(capped=False), processors)
@settings(max_examples=150)
def test_no_head_of_a_flow_waits_longer_than_the_bound(arrivals: list[Arrival], many: int) -> None:
    """From the moment when a job is the first of its flow that waits, to its start."""
    runs = Watch(arrivals, many).run().runs
    flows = {a.flow: (largest_cost(arrivals, a.flow), a.terms.weight) for a in arrivals}
    by_flow = defaultdict(list)
    for run in sorted(runs, key=lambda run: run.index):
        by_flow[run.flow].append(run)
    for flow, ordered in by_flow.items():
        others = [flows[other] for other in flows if other != flow]
        bound = head_wait_bound(many, QUANTUM, flows[flow], others)
        first_since = 0.0
        for run in ordered:
            first_since = max(first_since, run.submitted)
            assert run.started - first_since <= bound + SLACK
            first_since = max(first_since, run.started)


@given(loads(capped=False, honest=True), processors)
@settings(max_examples=100)
def test_one_flow_is_strictly_the_order_of_submission(arrivals: list[Arrival], many: int) -> None:
    """That is what all users are without a rule."""
    together = [replace(arrival, flow="common", terms=Terms()) for arrival in arrivals]
    runs = sorted(Watch(together, many).run().runs, key=lambda run: (run.started, run.index))
    jobs_of_a_turn = [run for run in runs if together[run.index].declared < QUANTUM]
    if not jobs_of_a_turn:
        assert [run.index for run in runs] == list(range(len(together)))
    else:  # jobs of a turn run one after the other: overtaken by the quantum at most
        for earlier, later in combinations(sorted(runs, key=lambda run: run.index), 2):
            assert earlier.started <= later.started + QUANTUM + SLACK


BACKLOG = 400.0
"""Seconds of work of each rival: more than any test here lets pass."""


def service_by(moment: float, arrivals: list[Arrival], many: int, flow: object) -> float:
    """Processor seconds that a flow's jobs got up to a moment."""
    runs = Watch(arrivals, many).run().runs
    return sum(max(min(run.ended, moment) - run.started, 0.0) for run in runs if run.flow == flow)


def rivals(many: int) -> list[Arrival]:
    return [Arrival(0.0, f"rival {n}", 1.0, 1.0) for n in range(many) for _ in range(int(BACKLOG))]


@given(
    actual=st.floats(0.5, 4).map(lambda x: round(x, 2)),
    factor=st.sampled_from([0.001, 0.01, 0.1, 0.5, 2.0, 10.0]),
    many=st.integers(1, 3),
)
@settings(max_examples=15)
def test_declaring_other_durations_gains_nothing_beyond_the_bound(actual: float, factor: float, many: int) -> None:
    honest = [Arrival(0.0, "f", actual, actual)] * int(BACKLOG / actual)
    liar = [replace(arrival, declared=actual * factor) for arrival in honest]
    fair = service_by(60.0, [*honest, *rivals(2)], many, "f")
    gained = service_by(60.0, [*liar, *rivals(2)], many, "f") - fair
    assert gained <= service_gap_bound(many, QUANTUM, (actual, 1.0), (1.0, 1.0))


def test_a_flow_that_always_declares_too_much_moves_v_ahead_with_its_first_jobs_only() -> None:
    """Who joins while such jobs run is not behind those who join later: no third party's lie is in the bound."""
    load = [
        *[Arrival(0.0, "overstates", 1000.0, 2.0)] * 10,
        *[Arrival(0.0, "overstates", 2.0, 2.0)] * 50,
        *[Arrival(5.0, "joins", 1.0, 1.0)] * 60,
        *[Arrival(50.0, "joins later", 1.0, 1.0)] * 40,
    ]
    watch = Watch(load, 1).run()
    gaps = [
        service.get("joins", 0.0) - service.get("joins later", 0.0)
        for _, service, ready in watch.moments
        if {"joins", "joins later"} <= ready
    ]
    assert len(gaps) > 20
    assert max(gaps) - min(gaps) <= service_gap_bound(1, QUANTUM, (1.0, 1.0), (1.0, 1.0))


@given(st.lists(st.tuples(seconds, factors), min_size=1, max_size=60))
@settings(max_examples=100)
def test_no_claim_charges_more_than_its_jobs_declare(lies: list[tuple[float, float]]) -> None:
    """However the flow's jobs compared with their declarations before: so nobody can move V further ahead than that."""
    order = Scheduler()
    flow = order.flow("f")
    order.submit(flow, [QueuedJob(n, actual * factor) for n, (actual, factor) in enumerate(lies)])
    while (turn := order.claim()) is not None:
        assert turn.charged <= sum(job.declared for job in turn.jobs) + SLACK
        order.settle(turn, [(job, lies[job.number][0]) for job in turn.jobs])


def test_jobs_that_take_far_less_than_they_declare_share_turns_after_the_first() -> None:
    order = Scheduler()
    flow = order.flow("f")
    order.submit(flow, [QueuedJob(n, 1.0) for n in range(250)])
    sizes = []
    while (turn := order.claim()) is not None:
        sizes.append(len(turn.jobs))
        order.settle(turn, [(job, 20e-6) for job in turn.jobs])
    assert sizes == [1, 100, 100, 49]
    assert flow.ratio == pytest.approx(20e-6)


def test_jobs_that_take_far_more_than_they_declare_are_taken_one_by_one_after_the_first_turn() -> None:
    order = Scheduler()
    flow = order.flow("f")
    order.submit(flow, [QueuedJob(n, 0.001) for n in range(40)])
    first = order.claim()
    assert first is not None
    assert len(first.jobs) == 20
    order.settle(first, [], keep=first.jobs[0], elapsed=0.02)  # the others go back
    order.settle(first, [(first.jobs[0], 2.0)])
    second = order.claim()
    assert second is not None
    assert [job.number for job in second.jobs] == [1]


@given(parts=st.integers(2, 200), many=st.integers(1, 3))
@settings(max_examples=10)
def test_splitting_jobs_into_parts_gains_nothing_beyond_the_bound(parts: int, many: int) -> None:
    whole = [Arrival(0.0, "f", 4.0, 4.0)] * 40
    split = [Arrival(0.0, "f", 4.0 / parts, 4.0 / parts)] * (40 * parts)
    fair = service_by(30.0, [*whole, *rivals(2)], many, "f")
    gained = service_by(30.0, [*split, *rivals(2)], many, "f") - fair
    assert gained <= service_gap_bound(many, QUANTUM, (4.0, 1.0), (1.0, 1.0))


@given(period=st.floats(0.3, 30).map(lambda x: round(x, 2)), burst=st.integers(1, 20), many=st.integers(1, 3))
@settings(max_examples=15)
def test_coming_and_going_in_bursts_gains_nothing_beyond_the_bound(period: float, burst: int, many: int) -> None:
    """Against who is always there: no credit is saved by idling, however it is timed."""
    steady = [Arrival(0.0, "f", 1.0, 1.0)] * int(BACKLOG)
    waves = [Arrival(n * period, "f", 1.0, 1.0) for n in range(int(60 / period)) for _ in range(burst)]
    fair = service_by(60.0, [*steady, *rivals(2)], many, "f")
    gained = service_by(60.0, sorted([*waves, *rivals(2)], key=lambda a: a.at), many, "f") - fair
    assert gained <= service_gap_bound(many, QUANTUM, (1.0, 1.0), (1.0, 1.0))


def test_a_flow_that_was_away_does_not_catch_up() -> None:
    order = Scheduler(quantum=0.5)
    ada, bob = order.flow("ada"), order.flow("bob")
    order.submit(ada, [QueuedJob(n, 1.0) for n in range(50)])
    for _ in range(30):
        turn = order.claim()
        assert turn is not None
        order.settle(turn, [(turn.jobs[0], 1.0)])
    order.submit(bob, [QueuedJob(100 + n, 1.0) for n in range(10)])
    assert bob.vtime == ada.vtime == 30.0


def test_a_cap_keeps_a_flow_from_holding_v_back() -> None:
    order = Scheduler()
    capped, other = order.flow("capped", Terms(cap=1)), order.flow("other")
    order.submit(capped, [QueuedJob(0, 1.0), QueuedJob(1, 1.0)])
    order.submit(other, [QueuedJob(2, 5.0), QueuedJob(3, 5.0)])
    first, second = order.claim(), order.claim()
    assert first is not None
    assert second is not None
    assert (first.flow, second.flow) == (capped, other)
    assert order.virtual_time() == other.vtime == 5.0
    order.settle(first, [(first.jobs[0], 1.0)])
    assert capped.vtime == 5.0, "it rejoins at V"


@pytest.mark.parametrize("spent", [0.0, 0.5, 9.0])
def test_the_charge_is_corrected_by_what_was_spent(spent: float) -> None:
    order = Scheduler()
    flow = order.flow("f", Terms(2.0))
    order.submit(flow, [QueuedJob(0, 3.0)])
    turn = order.claim()
    assert turn is not None
    assert flow.vtime == 1.5
    order.settle(turn, [(turn.jobs[0], spent)])
    assert flow.vtime == spent / 2
