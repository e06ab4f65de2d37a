"""The fair order in plain Python: the same steps as db/sql/, on objects instead of rows.

Tests compare the SQL with it, to the last bit of every virtual time. Previews run on it. The algorithm is Start-time
Fair Queueing: Goyal, Vin, Cheng, SIGCOMM 1996; for many servers: Jin, Chase, Kaur, SIGMETRICS 2004.
"""

from __future__ import annotations

import heapq
from bisect import insort
from collections.abc import Callable, Collection, Hashable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from operator import attrgetter

from .rules import DEFAULT_TERMS, Terms

QUANTUM = 0.02
MAX_TURN_JOBS = 100
TURN_QUANTA = 2
"""Quanta after which a turn puts back the jobs that it has not started."""
MEMORY = 0.9375
"""What a turn counts in a flow's ratio once another turn has ended: about sixteen turns are remembered."""
_PLACE = attrgetter("place")
_APART = 2**20
"""The distance between two jobs at the back of a flow, so that others can be moved between them."""


@dataclass(frozen=True, order=True)
class QueuedJob:
    """A job in the order: its number in the order of submission, and the processor seconds that it declares.

    `moved_to`: where its owner moved it in the flow: behind the job of this number, so far; before it if negative.
    """

    number: int
    declared: float
    moved_to: tuple[int, int] | None = field(default=None, compare=False)

    @property
    def place(self) -> tuple[int, int, int]:
        """The place in the flow. A tie goes to the job that was submitted first."""
        return (*(self.moved_to or (self.number, 0)), self.number)


@dataclass(eq=False)
class FlowState:
    """A flow. `backlog` is in the order of places. `revision` tells its live entry in the heaps from older ones.

    `head`: the number of its first job, for ties; it keeps its value if the backlog runs empty. `held`: it lets others
    go first while jobs move from it or to it. `paused`: its queued jobs are `parked`, not in its backlog.

    `ratio`: the seconds that its recent jobs took for each second declared. `learned_from`: the seconds declared there.
    """

    key: Hashable
    terms: Terms = DEFAULT_TERMS
    vtime: float = 0.0
    backlog: list[QueuedJob] = field(default_factory=list)
    backlogged: bool = False
    busy: int = 0
    head: int = 0
    held: bool = False
    paused: bool = False
    parked: list[QueuedJob] = field(default_factory=list)
    revision: int = 0
    ratio: float = 1.0
    learned_from: float = 0.0

    def charge(self, declared: float) -> float:
        """Return what a claim charges for jobs: what is expected, but no more than they declare."""
        return declared * min(self.ratio, 1.0)

    def learn(self, spent: float, declared: float) -> None:
        """Take jobs that ended into the ratio."""
        if spent > 0 and declared > 0:
            remembered = self.learned_from * MEMORY
            self.learned_from = remembered + declared
            self.ratio = min(max((self.ratio * remembered + spent) / self.learned_from, 1e-6), 1e6)

    @property
    def ready(self) -> bool:
        """Whether the flow has a backlog, is not held, and is below its cap."""
        return self.backlogged and not self.held and (self.terms.cap is None or self.busy < self.terms.cap)


@dataclass(eq=False)
class TurnState:
    """The jobs that one claim took, and the processor seconds charged to their flow so far."""

    flow: FlowState
    jobs: list[QueuedJob]
    charged: float


class Scheduler:
    """All flows, and the steps that change them. It has no clock and no processors; simulation.py has them.

    `quantum`: in seconds; `most`: the maximum number of jobs in a turn.
    """

    def __init__(self, quantum: float = QUANTUM, most: int = MAX_TURN_JOBS) -> None:
        self.quantum = quantum
        self.most = most
        self.flows: dict[Hashable, FlowState] = {}
        self._ready: list[tuple[float, int, int, FlowState, int]] = []
        self._largest: list[tuple[float, int, FlowState, int]] = []
        self._entries = 0
        self._submitted = 0
        self._moved = 0

    def flow(self, key: Hashable, terms: Terms = DEFAULT_TERMS) -> FlowState:
        """Return the flow with this key. A new one gets these terms."""
        if key not in self.flows:
            self.flows[key] = FlowState(key, terms)
            self._note(self.flows[key])
        return self.flows[key]

    def adopt(self, flow: FlowState) -> None:
        """Add a flow with its backlog, its virtual time, and the processors at work for it."""
        self.flows[flow.key] = flow
        self._note(flow)

    def virtual_time(self) -> float:
        """Return V: the least virtual time of the ready flows, else the largest of all flows, else 0."""
        if (first := self._first()) is not None:
            return first.vtime
        while self._largest and self._largest[0][3] != self._largest[0][2].revision:
            heapq.heappop(self._largest)
        return -self._largest[0][0] if self._largest else 0.0

    def submit(self, flow: FlowState, jobs: Sequence[QueuedJob]) -> None:
        """Put jobs at the end of a flow's backlog. A flow that becomes ready joins at V. A paused one parks them."""
        self._submitted = max([self._submitted, *(job.number for job in jobs)])
        self._adjust(flow, 0.0, 0, jobs)

    def reorder(self, flow: FlowState, jobs: Collection[QueuedJob], *, front: bool) -> None:
        """Move jobs of a flow's backlog before all others there, or behind all that were submitted until now.

        Among themselves they keep their order. Nothing changes for other flows, but that ties go by the head's number.
        """
        asked = set(jobs)
        moving = [job for job in flow.backlog if job in asked]
        rest = [job for job in flow.backlog if job not in asked]
        if flow.backlog == ([*moving, *rest] if front else [*rest, *moving]):
            return
        if front:
            first, before = flow.backlog[0].place[:2]
            moved = [replace(job, moved_to=(first, before - len(moving) + n)) for n, job in enumerate(moving)]
            flow.backlog = [*moved, *rest]
        else:
            behind = range(self._moved + 1, self._moved + len(moving) + 1)
            self._moved += len(moving)
            moved = [
                replace(job, moved_to=(self._submitted, n * _APART)) for n, job in zip(behind, moving, strict=True)
            ]
            flow.backlog = [*rest, *moved]
        flow.head = flow.backlog[0].number
        self._note(flow)

    def claim(self) -> TurnState | None:
        """Return the next turn: the head of the ready flow with the least virtual time. None if no flow is ready."""
        while (flow := self._first()) is not None:
            taken = self._head(flow)
            del flow.backlog[: len(taken)]
            charged = flow.charge(_total(job.declared for job in taken))
            flow.vtime += charged / flow.terms.weight
            flow.busy += bool(taken)
            flow.backlogged = bool(flow.backlog)
            flow.head = flow.backlog[0].number if flow.backlog else flow.head
            self._note(flow)
            if taken:
                return TurnState(flow, taken, charged)
        return None  # the loop has put flows to rest that move() left without jobs

    def settle(
        self,
        turn: TurnState,
        spent: Sequence[tuple[QueuedJob, float]],
        keep: QueuedJob | None = None,
        elapsed: float = 0.0,
    ) -> None:
        """Charge the seconds really spent, and put back the jobs that are neither settled nor kept.

        `spent`: the seconds of each job that ended. `keep`: the job that still runs, for `elapsed` seconds so far. It
        is charged the larger of these and what a claim would charge.
        """
        over = {job for job, _ in spent}
        back = [job for job in turn.jobs if job not in over and job != keep]
        kept = max(turn.flow.charge(keep.declared), elapsed) if keep is not None else 0.0
        seconds = _total(seconds for _, seconds in spent)
        cost = seconds + kept - turn.charged
        turn.flow.learn(seconds, _total(job.declared for job, _ in spent))
        turn.jobs, turn.charged = ([keep] if keep is not None else []), kept
        self._adjust(turn.flow, cost, 0 if keep is not None else -1, back)

    def heartbeat(self, turn: TurnState, elapsed: float) -> None:
        """Charge up to `elapsed` seconds if that is more than was charged. Only a turn of one job is charged so."""
        if len(turn.jobs) == 1 and elapsed > turn.charged:
            turn.flow.vtime += (elapsed - turn.charged) / turn.flow.terms.weight
            turn.charged = elapsed
            self._note(turn.flow)

    def set_flow(self, flow: FlowState, terms: Terms) -> None:
        """Give a flow other terms. A flow that a wider cap makes ready joins at V."""
        away = flow.backlogged and not flow.held and not flow.ready
        joins = max(flow.vtime, self.virtual_time()) if away else flow.vtime
        flow.terms = terms
        if flow.ready:
            flow.vtime = joins
        self._note(flow)

    def move(self, leaving: FlowState, joins: Callable[[QueuedJob], FlowState]) -> None:
        """Move each waiting job of a flow to the flow that it `joins`, which may be the same.

        There it is in its place in the order of submission: one of the two flows is shared, or both.

        A resting flow that gets jobs joins at V. An emptied flow goes to rest when a claim next meets it.
        """
        going: dict[FlowState, list[QueuedJob]] = {}
        for job in leaving.backlog:
            going.setdefault(joins(job), []).append(job)
        leaving.backlog = going.pop(leaving, [])
        if leaving.backlog:
            leaving.head = leaving.backlog[0].number
            self._note(leaving)
        for joining, jobs in going.items():
            self._adjust(joining, 0.0, 0, [replace(job, moved_to=None) for job in jobs])

    def hold(self, flow: FlowState, held: bool = True) -> None:
        """Hold a flow, or release it. A released flow joins at V."""
        joins = flow.vtime if held else max(flow.vtime, self.virtual_time())
        flow.held = held
        if flow.ready:
            flow.vtime = joins
        self._note(flow)

    def pause(self, flow: FlowState) -> None:
        """Park the queued jobs of a flow and all that come later. The flow rests."""
        flow.paused = True
        flow.backlogged = False
        flow.parked, flow.backlog = [*flow.parked, *flow.backlog], []
        self._note(flow)

    def resume(self, flow: FlowState) -> None:
        """Put the parked jobs back into their places. The flow joins at V."""
        flow.paused = False
        jobs, flow.parked = sorted(flow.parked, key=_PLACE), []
        if jobs:
            self._adjust(flow, 0.0, 0, jobs)

    def _adjust(self, flow: FlowState, cost: float, busy: int, back: Sequence[QueuedJob]) -> None:
        if flow.paused:
            flow.parked.extend(back)
            back = ()
        was_ready, virtual_time = flow.ready, self.virtual_time()
        flow.vtime += cost / flow.terms.weight
        flow.busy += busy
        for job in back:
            insort(flow.backlog, job, key=_PLACE)
        if back:
            flow.head = flow.backlog[0].number
            flow.backlogged = True
        if flow.ready and not was_ready:
            flow.vtime = max(flow.vtime, virtual_time)
        self._note(flow)

    def _head(self, flow: FlowState) -> list[QueuedJob]:
        """Return the first jobs, while the expected seconds before them are below the quantum.

        At least one if the backlog has any, and at most `most`.
        """
        taken: list[QueuedJob] = []
        before = 0.0
        for job in flow.backlog[: self.most]:
            if taken and before * flow.ratio >= self.quantum:
                break
            taken.append(job)
            before += job.declared
        return taken

    def _note(self, flow: FlowState) -> None:
        """Push the flow's present state to the heaps. Its older entries become stale."""
        flow.revision += 1
        self._entries += 1
        heapq.heappush(self._largest, (-flow.vtime, self._entries, flow, flow.revision))
        if flow.ready:
            heapq.heappush(self._ready, (flow.vtime, flow.head, self._entries, flow, flow.revision))

    def _first(self) -> FlowState | None:
        """Return the ready flow with the least virtual time. Ties go to the job submitted first."""
        while self._ready and self._ready[0][4] != self._ready[0][3].revision:
            heapq.heappop(self._ready)
        return self._ready[0][3] if self._ready else None


def _total(seconds: Iterable[float]) -> float:
    """Return the sum, added one by one from the left as PostgreSQL does. Python's sum() compensates since 3.12."""
    total = 0.0
    for value in seconds:
        total += value
    return total
