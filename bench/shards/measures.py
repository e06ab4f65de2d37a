"""What is read from the runs of a load: gaps in service, Jain's index, waits, and how busy processors were."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, combinations

from bench.shards.loads import Load
from bench.shards.simulation import Run
from queueapp.policy.fairness import jain_index, service_gap_bound
from queueapp.policy.scheduler import QUANTUM

MOMENTS = 600
"""Moments at which service is read."""


@dataclass(frozen=True)
class Measures:
    """`gap`: the largest difference in service per weight of two owners, over any interval in which both had a backlog,
    in processor seconds. `half`: the same up to the middle of the load. `of_bound`: the largest share of its bound that
    a pair's gap has.

    `jain`: of service per weight of the watched owners who always had a backlog from the first tenth on. `busy`: the
    share of the processors' time. `wait`: seconds within which 99 of 100 jobs of light owners start.
    """

    gap: float
    half: float
    of_bound: float
    jain: float
    busy: float
    wait: float


@dataclass(frozen=True)
class _Curve:
    """An owner. By moment: service per weight so far, and whether there was a backlog up to the next moment."""

    weight: float
    largest: float
    service: list[float]
    backlog: list[bool]


def measure(runs: Sequence[Run], load: Load, processors: int) -> Measures:
    """Return the measures of the jobs that were started."""
    curves = _curves(runs, load)
    gap = half = of_bound = 0.0
    for one, other in combinations(curves, 2):
        widest, until_half = _gap(one, other)
        bound = service_gap_bound(processors, QUANTUM, (one.largest, one.weight), (other.largest, other.weight))
        gap, half, of_bound = max(gap, widest), max(half, until_half), max(of_bound, widest / bound)
    tenth = MOMENTS // 10
    shares = [c.service[-1] - c.service[tenth] for c in curves if all(c.backlog[tenth:])]
    used = sum(min(run.ended, load.until) - run.started for run in runs)
    waits = sorted(run.started - run.job.at for run in runs if run.job.owner in load.light)
    return Measures(
        gap, half, of_bound, jain_index(shares), used / (processors * load.until),
        waits[int(0.99 * (len(waits) - 1))] if waits else float("nan"),
    )  # fmt: skip


def _gap(one: _Curve, other: _Curve) -> tuple[float, float]:
    """Return the largest gap between two owners, and the largest up to the middle of the load."""
    widest = half = 0.0
    low = high = one.service[0] - other.service[0]
    for moment in range(1, MOMENTS):
        ahead = one.service[moment] - other.service[moment]
        if one.backlog[moment - 1] and other.backlog[moment - 1]:
            low, high = min(low, ahead), max(high, ahead)
            widest = max(widest, high - low)
        else:
            low = high = ahead
        if moment == MOMENTS // 2:
            half = widest
    return widest, half


def _curves(runs: Sequence[Run], load: Load) -> list[_Curve]:
    of = defaultdict[str, list[Run]](list)
    for run in runs:
        of[run.job.owner].append(run)
    asked = defaultdict[str, list[float]](list)
    watched = set(load.watched)
    for job in load.jobs:
        if job.owner in watched and job.at <= load.until:
            asked[job.owner].append(job.at)
    return [_curve(of[owner], asked[owner], load.until) for owner in load.watched if of[owner]]


def _curve(runs: Sequence[Run], asked: Sequence[float], until: float) -> _Curve:
    """Return the curve of an owner. Jobs start in the order of submission; those not started wait until the end."""
    step, weight = until / (MOMENTS - 1), runs[0].job.weight
    change = [0.0] * (MOMENTS + 1)
    gained = [0.0] * (MOMENTS + 1)
    for run in runs:  # service is piecewise linear: add the slope, and what a part of a step makes of it
        for at, sign in ((run.started, 1.0), (min(run.ended, until), -1.0)):
            place = min(int(at / step), MOMENTS - 1)
            gained[place + 1] += sign * ((place + 1) * step - at)
            change[place + 2 if place + 2 <= MOMENTS else MOMENTS] += sign * step
    slopes = list(accumulate(change))
    service = list(accumulate(gain + slope for gain, slope in zip(gained, slopes, strict=True)))
    waiting = [0] * (MOMENTS + 1)
    starts = [run.started for run in runs] + [until] * (len(asked) - len(runs))
    idle_from = 0.0
    for at, start in zip([*asked, until], [*starts, until], strict=True):
        if at > idle_from:
            waiting[min(int(idle_from / step), MOMENTS - 1)] += 1
            waiting[min(int(at / step), MOMENTS - 1) + 1] -= 1
        idle_from = max(idle_from, start)
    away = list(accumulate(waiting))
    return _Curve(
        weight, max(run.job.seconds for run in runs), [s / weight for s in service[:MOMENTS]],
        [not gone for gone in away[:MOMENTS]],
    )  # fmt: skip
