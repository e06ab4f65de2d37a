"""Ways to give processors turns where the owners are spread over several databases, the shards.

Each shard has the reference scheduler. A way decides from which shard a processor claims. Processors belong to hosts. A
host knows of a shard what it saw at its last look, and what its own claims there have told it since.
"""

from __future__ import annotations

import heapq
from zlib import crc32

from bench.shards.loads import Job
from queueapp.policy.rules import Terms
from queueapp.policy.scheduler import QueuedJob, Scheduler, TurnState

Claim = tuple[int, TurnState]
"""A shard and a turn of it, which has one job."""
SLACK = 1.0
"""Virtual seconds by which a shard may be beyond what a host knows, and give a turn all the same."""
NOTHING = float("inf")
"""The key of a shard without a backlog, as far as a host knows."""


class Way:
    """The shards, with processors of their own each: a host for each shard.

    `every`: seconds between two looks of a host at all shards; 0: it sees each change at once.
    """

    def __init__(self, shards: int, hosts: int = 0, every: float = 0.0) -> None:
        self.shards = [Scheduler(most=1) for _ in range(shards)]
        self.weights = [0.0] * shards
        """The sums of the weights of the flows with a backlog."""
        self.hosts, self.every = hosts or shards, every
        self.asked = 0
        """How often a host has asked a shard for a turn."""

    def submit(self, job: Job, place: int) -> range:
        """Put a job into its owner's flow. Return the hosts that hear of it at once."""
        shard = crc32(job.owner.encode()) % len(self.shards)
        flow = self.shards[shard].flow(job.owner, Terms(job.weight))
        if not flow.backlogged:
            self.weights[shard] += job.weight
            flow.vtime = max(flow.vtime, self.virtual_time())
        self.shards[shard].submit(flow, [QueuedJob(place, job.seconds)])
        return self.heard(shard)

    def claim(self, host: int) -> Claim | None:
        """Return the next turn of a processor of this host. None: it knows of no backlog."""
        turn = self.shards[host].claim()
        self.asked += turn is not None
        return None if turn is None else (host, turn)

    def settle(self, claim: Claim) -> None:
        """End a turn whose job took as long as declared."""
        shard, turn = claim
        self.shards[shard].settle(turn, [(job, job.declared) for job in turn.jobs])

    def virtual_time(self) -> float:
        """Return the virtual time at which flows of all shards join, unless that of their shard is ahead."""
        return 0.0

    def heard(self, shard: int) -> range:
        """Return the hosts that hear of a submission to this shard."""
        return range(shard, shard + 1)

    def look(self, host: int) -> None:
        """Let a host see all shards."""


class _Chosen(Way):
    """A way in which a host asks the shard with the least key, as far as it knows.

    Ties go to the shards from a place on that differs by host, so that hosts do not all ask the same one. Of the
    entries of a host's heap, only those count that have the shard's present key.
    """

    def __init__(self, shards: int, hosts: int = 1, every: float = 0.0) -> None:
        super().__init__(shards, hosts, every)
        self.keys = [[NOTHING] * shards for _ in range(hosts)]
        self.heaps: list[list[tuple[float, int, int]]] = [[] for _ in range(hosts)]
        self._changes: list[int] = []
        """The shards in which anything changed, in the order of time."""
        self._seen_until = [0] * hosts

    def claim(self, host: int) -> Claim | None:
        while (shard := self.least(host)) is not None:
            self.asked += 1
            if self.refuses(host, shard):
                continue
            before = self.weights[shard]
            turn = self.shards[shard].claim()
            if turn is not None:
                if not turn.flow.backlogged:
                    self.weights[shard] -= turn.flow.terms.weight
                self.charge(host, shard, turn, before)
            self._changes.append(shard)
            self.see(host, shard)
            if turn is not None:
                return shard, turn
        return None

    def heard(self, shard: int) -> range:
        if self.every:
            self._changes.append(shard)
            return range(0)
        self.see(0, shard)
        return range(1)

    def look(self, host: int) -> None:
        for shard in sorted(set(self._changes[self._seen_until[host] :])):
            self.see(host, shard)
        self._seen_until[host] = len(self._changes)

    def least(self, host: int) -> int | None:
        """Return the shard with the least key. None: there is no backlog."""
        heap, keys = self.heaps[host], self.keys[host]
        while heap and heap[0][0] != keys[heap[0][2]]:
            heapq.heappop(heap)
        return heap[0][2] if heap else None

    def put(self, host: int, shard: int, key: float) -> None:
        """Set the key of a shard."""
        if key != self.keys[host][shard]:
            self.keys[host][shard] = key
            if key != NOTHING:
                rank = (shard - host * len(self.shards) // self.hosts) % len(self.shards)
                heapq.heappush(self.heaps[host], (key, rank, shard))

    def refuses(self, host: int, shard: int) -> bool:
        """Whether the shard gives no turn, but says how it is."""
        return False

    def charge(self, host: int, shard: int, turn: TurnState, weight: float) -> None:
        """Note a turn of a shard. `weight`: that of the shard before it."""

    def see(self, host: int, shard: int) -> None:
        """Let a host see one shard as it is."""
        raise NotImplementedError


class OneOrder(_Chosen):
    """One order over all shards: a host claims where the first flow has the least virtual time.

    A flow joins at V of all shards, as far as the first host knows. A host says with a claim which virtual time is the
    next one that it knows of. A shard that is beyond it by more than SLACK gives no turn, but says how it is.
    """

    _largest = 0.0

    def virtual_time(self) -> float:
        shard = self.least(0)
        return self._largest if shard is None else self.keys[0][shard]

    def refuses(self, host: int, shard: int) -> bool:
        keys = self.keys[host]
        known = keys[shard]
        self.see(host, shard)
        next_one = self.least(host)
        return next_one is None or keys[shard] > max(known, keys[next_one]) + SLACK

    def charge(self, host: int, shard: int, turn: TurnState, weight: float) -> None:
        self._largest = max(self._largest, turn.flow.vtime)

    def see(self, host: int, shard: int) -> None:
        self.put(host, shard, self.shards[shard].virtual_time() if self.weights[shard] > 0 else NOTHING)


class TwoLevels(_Chosen):
    """Start-time Fair Queueing over shards, in each host by itself, and again inside the shard.

    The weight of a shard is the sum of the weights of its flows with a backlog.
    """

    def __init__(self, shards: int, hosts: int = 1, every: float = 0.0) -> None:
        super().__init__(shards, hosts, every)
        self._vtimes = [[0.0] * shards for _ in range(hosts)]
        self._seen = [[0.0] * shards for _ in range(hosts)]

    def charge(self, host: int, shard: int, turn: TurnState, weight: float) -> None:
        self._vtimes[host][shard] += turn.charged / (self._seen[host][shard] or weight)

    def see(self, host: int, shard: int) -> None:
        vtimes, known = self._vtimes[host], self._seen[host]
        if known[shard] == 0 < self.weights[shard]:
            first = self.least(host)
            vtimes[shard] = max(vtimes[shard], max(vtimes) if first is None else vtimes[first])
        known[shard] = self.weights[shard]
        self.put(host, shard, vtimes[shard] if known[shard] > 0 else NOTHING)
