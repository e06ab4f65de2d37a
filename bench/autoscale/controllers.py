"""Ways to decide the number of processors: the product's own, and those of others with their default windows."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence

from bench.autoscale.simulation import Arrival, Decide, Fleet, simulate
from queueapp.policy.autoscale import Bounds, History

WINDOW = 60.0
"""Seconds: the default of AUTOSCALE_WINDOW_SECONDS."""
LOOK_BACK = 300
"""Seconds over which the clairvoyant fleet looks back for work that is due."""


def fixed(number: int) -> Decide:
    """Always so many."""
    return lambda _: number


def ours(bounds: Bounds) -> Decide:
    """policy/autoscale.py, as lifecycle/autoscaler.py calls it."""
    history = History()
    return lambda fleet: history.decide(fleet.wished, fleet.demand(), WINDOW, bounds).wished


def hpa(bounds: Bounds, mean: float) -> Decide:
    """Kubernetes' HorizontalPodAutoscaler on queue depth: every 15 s, up by 100 % or 4 pods, down after 300 s.

    Target: as many queued jobs per processor as it does within the target wait, by the mean duration.
    """
    wanted: deque[tuple[float, int]] = deque()
    state = {"at": -math.inf, "wished": bounds.minimum}

    def choose(fleet: Fleet) -> int:
        if fleet.now - state["at"] < 15:
            return int(state["wished"])
        state["at"], now = fleet.now, int(state["wished"])
        ratio = fleet.depth / max(fleet.alive, 1) / max(fleet.target / mean, 1)
        desired = now if abs(ratio - 1) <= 0.1 else math.ceil(fleet.alive * ratio)
        wanted.append((fleet.now, desired))
        while wanted[0][0] < fleet.now - 300:
            wanted.popleft()
        if desired > now:
            desired = min(desired, max(2 * now, now + 4))
        else:
            desired = min(max(number for _, number in wanted), now)
        state["wished"] = bounds.clamp(desired)
        return int(state["wished"])

    return choose


def backlog_per_instance(bounds: Bounds, mean: float) -> Decide:
    """AWS' target tracking on backlog per instance: a datum a minute, up after 3 minutes above, down after 15 below."""
    data: deque[float] = deque(maxlen=15)
    state = {"at": -math.inf, "wished": bounds.minimum}

    def choose(fleet: Fleet) -> int:
        if fleet.now - state["at"] < 60:
            return int(state["wished"])
        state["at"] = fleet.now
        data.append(fleet.depth / max(fleet.alive, 1) / max(fleet.target / mean, 1))
        if len(data) >= 3 and min(list(data)[-3:]) > 1:
            state["wished"] = bounds.clamp(state["wished"] * data[-1])
            data.clear()
        elif len(data) == 15 and max(data) < 0.9:
            state["wished"] = bounds.clamp(max(state["wished"] * max(data), state["wished"] / 2))
            data.clear()
        return int(state["wished"])

    return choose


def queue_time_steps(bounds: Bounds) -> Decide:
    """Queue time in steps, as Judoscale: every 10 s one more above the target; one less after two minutes below."""
    state = {"at": -math.inf, "calm": 0.0, "wished": bounds.minimum}

    def choose(fleet: Fleet) -> int:
        if fleet.now - state["at"] < 10:
            return int(state["wished"])
        state["at"] = fleet.now
        if fleet.oldest_wait > fleet.target:
            state["wished"], state["calm"] = bounds.clamp(state["wished"] + 1), fleet.now
        elif fleet.now - state["calm"] >= 120:
            state["wished"], state["calm"] = bounds.clamp(state["wished"] - 1), fleet.now
        return int(state["wished"])

    return choose


def clairvoyant(arrivals: Sequence[Arrival], target: float, bounds: Bounds) -> Decide:
    """Knows all arrivals: in each second the least number that clears what is due in time, times the least factor with
    which 95 of 100 jobs start within the target."""
    plan = _fluid(arrivals, target)
    low, high = 0.5, 3.0
    while high - low > 0.05:
        middle = (low + high) / 2
        outcome = simulate(arrivals, target, _follow(plan, middle, bounds), bounds.minimum)
        kept = sum(wait <= target for wait in outcome.waits) / len(outcome.waits)
        low, high = (low, middle) if kept >= 0.95 else (middle, high)
    return _follow(plan, high, bounds)


def _follow(plan: Sequence[float], factor: float, bounds: Bounds) -> Decide:
    return lambda fleet: bounds.clamp(factor * plan[min(int(fleet.now) + 1, len(plan) - 1)])


def _fluid(arrivals: Sequence[Arrival], target: float) -> list[float]:
    """Return for each second the most of (work that arrived in the last k seconds) / (k + target), over all k.

    A job's work is spread over its duration, as one processor does it; and a flow's over time, if it has a cap.
    """
    length = int(max(arrival.at + arrival.seconds for arrival in arrivals)) + 2
    flows: dict[str, list[float]] = {}
    caps = {arrival.flow: arrival.terms.cap for arrival in arrivals}
    for arrival in arrivals:
        work = flows.setdefault(arrival.flow, [0.0] * length)
        begin, left = int(arrival.at), arrival.seconds
        while left > 0:
            work[begin] += min(left, 1.0)
            begin, left = begin + 1, left - 1.0
    total = [0.0] * length
    for flow, work in flows.items():
        late = 0.0
        for second, seconds in enumerate(work):
            late += seconds
            done = late if (cap := caps[flow]) is None else min(late, cap)
            total[second] += done
            late -= done
    plan = []
    for second in range(length):
        most = summed = 0.0
        for k in range(min(second + 1, LOOK_BACK)):
            summed += total[second - k]
            most = max(most, summed / (k + 1 + target))
        plan.append(most)
    return plan
