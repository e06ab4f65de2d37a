"""Measures of a run, computed from its records: the waits of users, and their shares against those that were due."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from bench.loads import Load
from bench.records import Record
from bench.systems.system import PROCESSORS
from queueapp.conf import QueueSettings
from queueapp.policy.fairness import jain_index, service_gap_bound


@dataclass(frozen=True)
class Curves:
    """Processor seconds that each user has had at every moment when a job starts or ends, in seconds from the start."""

    moments: list[float]
    service: dict[str, list[float]]


@dataclass(frozen=True)
class Measures:
    """The measures of one run. Seconds count from the start of its first job."""

    done: float
    """When the last job of the load ended."""
    first_turn: float
    """When every user had had a first turn."""
    watched_median: float
    watched_last: float
    """When the watched users were done: their median, and the last of them."""
    against_ideal: float
    """`watched_last`, divided by the time that exact shares without any overhead need."""
    against_own_pace: float
    """`watched_last`, divided by when this system had done as many jobs as exact shares need: its order alone."""
    period: float
    """How long every user had a backlog. The measures below are over this time."""
    share_error: float
    """The largest difference between a user's service and the service due, as a fraction of the latter."""
    jain: float
    ratio: float
    """Service of an average user of the largest weight to one of weight 1; NaN if all weights are 1."""
    gap_of_bound: float
    """The largest gap between two users' service per weight in any interval, divided by Turnabout's bound."""
    processors: int


def measure(records: Sequence[Record], load: Load, seconds: float) -> Measures:
    """Return the measures of a run. `seconds`: that each job holds its processor."""
    start = min(record.started for record in records)
    period = _backlogged_until(records, load) - start
    curves = service_curves(records, load, period)
    got = {user: series[-1] for user, series in curves.service.items()}
    total, weights = sum(got.values()), sum(load.weights.values())
    fairness = {user: got[user] / (total * load.weights[user] / weights) for user in got}
    ended = sorted(record.ended - start for record in records)
    done = {user: _done(records, load, user) - start for user in load.users}
    watched = [done[user] for user in load.watched]
    last = max(load.watched, key=lambda user: done[user])
    rank = load.fair_rank(last)
    return Measures(
        done=max(done.values()),
        first_turn=max(min((r.started - start for r in records if r.user == u), default=math.inf) for u in load.users),
        watched_median=statistics.median(watched),
        watched_last=max(watched),
        against_ideal=max(watched) / (rank * seconds / PROCESSORS),
        against_own_pace=max(watched) / ended[rank - 1] if len(ended) >= rank else math.inf,
        period=period,
        share_error=max(abs(value - 1) for value in fairness.values()),
        jain=jain_index(fairness.values()),
        ratio=_ratio(got, load),
        gap_of_bound=_gap_of_bound(records, load, curves),
        processors=len({record.processor for record in records}),
    )


def service_curves(records: Sequence[Record], load: Load, until: float) -> Curves:
    """Return the service of each user from the start until that moment. Jobs count while they run."""
    start = min(record.started for record in records)
    changes: list[tuple[float, str, int]] = []
    for record in records:
        if record.started - start < until:
            changes.append((record.started - start, record.user, 1))
            changes.append((min(record.ended - start, until), record.user, -1))
    moments: list[float] = []
    service: dict[str, list[float]] = {user: [] for user in load.users}
    had, running, last = dict.fromkeys(load.users, 0.0), dict.fromkeys(load.users, 0), 0.0
    for moment, user, change in sorted(changes):
        for name in load.users:
            had[name] += running[name] * (moment - last)
            service[name].append(had[name])
        moments.append(moment)
        running[user] += change
        last = moment
    return Curves(moments, service)


def _backlogged_until(records: Sequence[Record], load: Load) -> float:
    """Return when the first user's backlog was empty: the start of their last job, or the end of the run."""
    starts: dict[str, list[float]] = {user: [] for user in load.users}
    for record in records:
        starts[record.user].append(record.started)
    out = [max(starts[user]) for user, many in load.jobs.items() if len(starts[user]) >= many]
    return min(out, default=max(record.ended for record in records))


def _done(records: Sequence[Record], load: Load, user: str) -> float:
    ended = [record.ended for record in records if record.user == user]
    return max(ended) if len(ended) >= load.jobs[user] else math.inf


def _ratio(got: dict[str, float], load: Load) -> float:
    top = max(load.weights.values())
    if top == 1.0:
        return math.nan
    heavier = statistics.mean(got[user] for user in got if load.weights[user] == top)
    lighter = statistics.mean(got[user] for user in got if load.weights[user] == 1.0)
    return heavier / lighter if lighter else math.inf


def _gap_of_bound(records: Sequence[Record], load: Load, curves: Curves) -> float:
    """Return the worst pair's gap. Over all intervals, the largest change of a difference is its range."""
    quantum = QueueSettings().QUANTUM_SECONDS
    cost = {user: max((r.ended - r.started for r in records if r.user == user), default=0.0) for user in load.users}
    worst = 0.0
    for f, g in combinations(load.users, 2):
        of_f, of_g = load.weights[f], load.weights[g]
        apart = [a / of_f - b / of_g for a, b in zip(curves.service[f], curves.service[g], strict=True)]
        bound = service_gap_bound(PROCESSORS, quantum, (cost[f], of_f), (cost[g], of_g))
        worst = max(worst, (max(apart) - min(apart)) / bound)
    return worst
