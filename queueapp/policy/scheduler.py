"""The fair order in plain Python: the same steps as db/sql/, on objects instead of rows.

It is the oracle that the SQL is tested against, to the last bit of every virtual time, and the engine of previews.
Start-time Fair Queueing: Goyal, Vin, Cheng, SIGCOMM 1996; for many servers: Jin, Chase, Kaur, SIGMETRICS 2004.
"""

from __future__ import annotations

import heapq
from bisect import insort
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from operator import attrgetter

QUANTUM = 0.02
MOST = 100
_PLACE = attrgetter("place")


@dataclass(frozen=True, order=True)
class QueuedJob:
    """A job as the order sees it: its place in the order of submission, and the processor seconds it declared."""

    place: int
    expected: float


@dataclass(eq=False)
class FlowState:
    """A flow. `backlog` is in the order of submission; `revision` tells its entry in the heaps from older ones.

    `head` is the place of its first job, for ties; of one in whose backlog nothing is left, the last that was.
    `held`: it lets others go first while jobs move from or to it. `paused`: its jobs are `parked`, in no flow.
    """

    key: Hashable
    weight: float = 1.0
    cap: int | None = None
    vtime: float = 0.0
    backlog: list[QueuedJob] = field(default_factory=list)
    backlogged: bool = False
    busy: int = 0
    head: int = 0
    held: bool = False
    paused: bool = False
    parked: list[QueuedJob] = field(default_factory=list)
    revision: int = 0

    @property
    def ready(self) -> bool:
        """Whether it takes part: it has a backlog, is not held, and is below its cap."""
        return self.backlogged and not self.held and (self.cap is None or self.busy < self.cap)


@dataclass(eq=False)
class TurnState:
    """What one claim took, and what its flow was charged for it so far."""

    flow: FlowState
    jobs: list[QueuedJob]
    charged: float


class Scheduler:
    """All flows, and the steps that change them. Time does not pass here: simulation.py has clock and processors."""

    def __init__(self, quantum: float = QUANTUM, most: int = MOST) -> None:
        self.quantum = quantum
        self.most = most
        self.flows: dict[Hashable, FlowState] = {}
        self._ready: list[tuple[float, int, int, FlowState, int]] = []
        self._largest: list[tuple[float, int, FlowState, int]] = []
        self._entries = 0

    def flow(self, key: Hashable, weight: float = 1.0, cap: int | None = None) -> FlowState:
        """The flow of this key, made with this weight and cap if it is new."""
        if key not in self.flows:
            self.flows[key] = FlowState(key, weight, cap)
            self._note(self.flows[key])
        return self.flows[key]

    def adopt(self, flow: FlowState) -> None:
        """Take a flow over as it stands: with backlog, virtual time, and processors at work for it."""
        self.flows[flow.key] = flow
        self._note(flow)

    def virtual_time(self) -> float:
        """V: the least virtual time of the ready flows, or the largest of all where none is ready; 0 without flows."""
        if (first := self._first()) is not None:
            return first.vtime
        while self._largest and self._largest[0][3] != self._largest[0][2].revision:
            heapq.heappop(self._largest)
        return -self._largest[0][0] if self._largest else 0.0

    def submit(self, flow: FlowState, jobs: Sequence[QueuedJob]) -> None:
        """Put jobs at the end of a flow's backlog; a flow that rested joins at V."""
        if flow.paused:
            flow.parked.extend(jobs)
            return
        if not flow.backlogged:
            flow.vtime, flow.head = max(flow.vtime, self.virtual_time()), jobs[0].place
        flow.backlog.extend(jobs)
        flow.backlogged = True
        self._note(flow)

    def claim(self) -> TurnState | None:
        """The next turn: the head of the ready flow with the least virtual time. None: nothing is ready."""
        while (flow := self._first()) is not None:
            taken = self._head(flow)
            del flow.backlog[: len(taken)]
            expected = _total(job.expected for job in taken)
            flow.vtime += expected / flow.weight
            flow.busy += bool(taken)
            flow.backlogged = bool(flow.backlog)
            flow.head = flow.backlog[0].place if flow.backlog else flow.head
            self._note(flow)
            if taken:
                return TurnState(flow, taken, expected)
        return None  # flows whose jobs have all moved away were put to rest on the way

    def settle(
        self,
        turn: TurnState,
        spent: Sequence[tuple[QueuedJob, float]],
        keep: QueuedJob | None = None,
        elapsed: float = 0.0,
    ) -> None:
        """Charge what was really spent, and put back what is neither settled nor kept.

        `spent`: seconds for each job that is over; `keep`: the job that still runs, for `elapsed` seconds so far.
        """
        over = {job for job, _ in spent}
        back = [job for job in turn.jobs if job not in over and job != keep]
        kept = max(keep.expected, elapsed) if keep is not None else 0.0
        cost = _total(seconds for _, seconds in spent) + kept - turn.charged
        turn.jobs, turn.charged = ([keep] if keep is not None else []), kept
        self._adjust(turn.flow, cost, 0 if keep is not None else -1, back)

    def heartbeat(self, turn: TurnState, elapsed: float) -> None:
        """Charge a job that outruns what it declared, as it goes."""
        if len(turn.jobs) == 1 and elapsed > turn.charged:
            turn.flow.vtime += (elapsed - turn.charged) / turn.flow.weight
            turn.charged = elapsed
            self._note(turn.flow)

    def set_flow(self, flow: FlowState, weight: float, cap: int | None) -> None:
        """Give a flow another weight and cap; one that a wider cap makes ready rejoins at V."""
        away = flow.backlogged and not flow.held and not flow.ready
        joins = max(flow.vtime, self.virtual_time()) if away else flow.vtime
        flow.weight, flow.cap = weight, cap
        if flow.ready:
            flow.vtime = joins
        self._note(flow)

    def move(self, leaving: FlowState, joins: Callable[[QueuedJob], FlowState]) -> None:
        """Move each waiting job of a flow to the flow that it `joins`, which may be the same; places are kept.

        A flow that is joined and rested wakes at V. The one that is left goes to rest at its next claim.
        """
        going: dict[FlowState, list[QueuedJob]] = {}
        for job in leaving.backlog:
            going.setdefault(joins(job), []).append(job)
        leaving.backlog = going.pop(leaving, [])
        if leaving.backlog:
            leaving.head = leaving.backlog[0].place
            self._note(leaving)
        for joining, jobs in going.items():
            self._adjust(joining, 0.0, 0, jobs)

    def hold(self, flow: FlowState, held: bool = True) -> None:
        """Hold a flow, or let it take part again, at V."""
        joins = flow.vtime if held else max(flow.vtime, self.virtual_time())
        flow.held = held
        if flow.ready:
            flow.vtime = joins
        self._note(flow)

    def pause(self, flow: FlowState) -> None:
        """Park what waits in a flow, and what comes. The flow rests, and so is away."""
        flow.paused = True
        flow.backlogged = False
        flow.parked, flow.backlog = [*flow.parked, *flow.backlog], []
        self._note(flow)

    def resume(self, flow: FlowState) -> None:
        """Put its parked jobs back into their places; the flow rejoins at V."""
        flow.paused = False
        jobs, flow.parked = sorted(flow.parked, key=_PLACE), []
        if jobs:
            self._adjust(flow, 0.0, 0, jobs)

    def _adjust(self, flow: FlowState, cost: float, busy: int, back: Sequence[QueuedJob]) -> None:
        if flow.paused:
            flow.parked.extend(back)
            back = ()
        was_ready, virtual_time = flow.ready, self.virtual_time()
        flow.vtime += cost / flow.weight
        flow.busy += busy
        if back:
            flow.head = min(flow.head, back[0].place) if flow.backlogged else back[0].place
            flow.backlogged = True
        for job in back:
            insort(flow.backlog, job, key=_PLACE)
        if flow.ready and not was_ready:
            flow.vtime = max(flow.vtime, virtual_time)
        self._note(flow)

    def _head(self, flow: FlowState) -> list[QueuedJob]:
        """Tasks while the expected seconds before them are less than the quantum; at least one, if there is one."""
        taken: list[QueuedJob] = []
        before = 0.0
        for job in flow.backlog[: self.most]:
            if taken and before >= self.quantum:
                break
            taken.append(job)
            before += job.expected
        return taken

    def _note(self, flow: FlowState) -> None:
        """Enter a flow, as it now is, into the heaps."""
        flow.revision += 1
        self._entries += 1
        heapq.heappush(self._largest, (-flow.vtime, self._entries, flow, flow.revision))
        if flow.ready:
            heapq.heappush(self._ready, (flow.vtime, flow.head, self._entries, flow, flow.revision))

    def _first(self) -> FlowState | None:
        """The ready flow with the least virtual time, ties to the job submitted first."""
        while self._ready and self._ready[0][4] != self._ready[0][3].revision:
            heapq.heappop(self._ready)
        return self._ready[0][3] if self._ready else None


def _total(seconds: Iterable[float]) -> float:
    """The sum, one by one from the left, as PostgreSQL adds (sum() compensates from Python 3.12 on)."""
    total = 0.0
    for value in seconds:
        total += value
    return total
