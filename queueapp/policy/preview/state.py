"""The queue at one moment, and how it goes on from there by other routes: where a simulation of it begins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum, auto

from ..rules import Route
from ..scheduler import MAX_TURN_JOBS, QUANTUM, FlowState, QueuedJob, Scheduler, TurnState
from ..simulation import HEARTBEAT, Simulation

Routes = Mapping[int, Route]
"""The route of each owner."""


class Fate(Enum):
    """What becomes of a processor that is in the middle of a turn: it takes another, or no further one; or it gave
    no sign of life, so that its jobs go back to their places."""

    ANOTHER = auto()
    LEAVES = auto()
    LOST = auto()


@dataclass(frozen=True)
class RunningTurn:
    """A turn that a processor is in the middle of: its first job has run for `elapsed` seconds."""

    flow: str
    jobs: Sequence[QueuedJob]
    charged: float
    elapsed: float
    afterwards: Fate = Fate.ANOTHER


@dataclass(frozen=True)
class QueueState:
    """All that decides who starts when, if nobody submits any more.

    `processors`: how many take turns; `flows`: those that wait, run, or may be joined; `own`: whose the flows of one
    owner alone are; `owners`: of each job, by its number; `waiting`: how many jobs of each owner have not been started.
    `samples`: the jobs that stand for several jobs, with the number of these. `timed`: whether it is
    complete enough to be simulated.
    """

    processors: int
    flows: Sequence[FlowState]
    owners: Mapping[int, int]
    waiting: Mapping[int, int]
    own: Mapping[str, int] = field(default_factory=dict)
    underway: Sequence[RunningTurn] = ()
    samples: Mapping[int, float] = field(default_factory=dict)
    timed: bool = True
    quantum: float = QUANTUM
    most: int = MAX_TURN_JOBS
    heartbeat: float = HEARTBEAT

    @property
    def running(self) -> frozenset[int]:
        """The numbers of the jobs that run now."""
        return frozenset(turn.jobs[0].number for turn in self.underway if turn.afterwards is not Fate.LOST)

    def simulation(self, routes: Routes) -> Simulation:
        """A simulation that begins in this state, with the flows and the waiting jobs brought in line with routes."""
        scheduler = Scheduler(self.quantum, self.most)
        for flow in self.flows:
            scheduler.adopt(replace(flow, backlog=list(flow.backlog)))
        turns = [(TurnState(scheduler.flows[t.flow], list(t.jobs), t.charged), t) for t in self.underway]
        for turn, underway in turns:
            if underway.afterwards is Fate.LOST:
                scheduler.settle(turn, [])
        self._reroute(scheduler, routes)
        simulation = Simulation([], self.processors, scheduler, self.heartbeat)
        for turn, underway in turns:
            if underway.afterwards is not Fate.LOST:
                simulation.resume(turn, underway.elapsed, last=underway.afterwards is Fate.LEAVES)
        return simulation

    def _reroute(self, scheduler: Scheduler, routes: Routes) -> None:
        """The steps of lifecycle/route.py: flows get their terms, and then jobs follow their owners."""
        wanted = {route.key: route for route in routes.values()}
        for key, route in wanted.items():
            scheduler.flow(key, route.terms)
        for flow in list(scheduler.flows.values()):
            if (said := wanted.get(str(flow.key))) and flow.terms != said.terms:
                scheduler.set_flow(flow, said.terms)
        self._follow(scheduler, routes)

    def _follow(self, scheduler: Scheduler, routes: Routes) -> None:
        """Tasks move to their owners' flows; flows of one owner, left or joined, are held meanwhile (move.sql)."""
        joins = {number: scheduler.flows[routes[owner].key] for number, owner in self.owners.items()}
        leaving: dict[FlowState, set[int]] = {}
        for flow in scheduler.flows.values():
            if movers := {self.owners[job.number] for job in flow.backlog if joins[job.number] is not flow}:
                leaving[flow] = movers
        moving = set().union(*leaving.values())
        own = dict(self.own) | {routes[owner].key: owner for owner in moving if routes[owner].owner is not None}
        for flow in scheduler.flows.values():
            if own.get(str(flow.key)) in moving:
                scheduler.hold(flow)
        for flow in leaving:
            scheduler.move(flow, lambda job: joins[job.number])
        for flow in scheduler.flows.values():
            if flow.held:
                scheduler.hold(flow, False)
