"""Loads on a fixed number of processors: made ones, seeded, and a log."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from bench.logs import entries

OWNERS = 2_000
SECONDS = 30.0
"""Length of the made loads."""
LEAST, MOST = 0.5, 1.5
"""Seconds that the jobs of the made loads take, evenly spread."""
WEIGHTS = 1.0, 2.0, 5.0, 10.0
FLOODS, FLOODED = 10, 2.0
"""Owners that submit much at one moment, and the moment."""
WATCHED = 40
"""Owners whose service is compared, each with each."""
LOG_LOAD = 1.1
"""Processors that the log asks for, as a multiple of those that there are."""


@dataclass(frozen=True)
class Job:
    """A job that is submitted at the moment `at` and takes `seconds`, as it declares."""

    at: float
    owner: str
    seconds: float
    weight: float = 1.0


@dataclass(frozen=True)
class Load:
    """Jobs in the order of submission, to be worked on until the moment `until`.

    `watched`: the owners whose service is compared. `light`: those whose waits are measured.
    """

    jobs: list[Job]
    until: float
    watched: list[str]
    light: frozenset[str]


def made(processors: int) -> dict[str, Load]:
    """Return the made loads by name."""
    return {
        f"{OWNERS:,} owners by Zipf's law, 120 % of the processors": _zipf(processors),
        f"{OWNERS:,} owners of weights 1, 2, 5 and 10, all with a backlog": _weights(),
        f"{FLOODS} floods beside {OWNERS:,} light owners, who use 60 %": _floods(processors),
    }


def logged(path: Path, processors: int) -> Load:
    """Return the jobs of a log, submitted so fast that they ask for LOG_LOAD times the processors."""
    found = entries(path)
    first, last = min(e.submit for e in found), max(e.submit for e in found)
    work = sum(max(e.run_time or 1.0, 1.0) for e in found)
    squeeze = work / (processors * LOG_LOAD) / (last - first)
    jobs = [Job((e.submit - first) * squeeze, f"user-{e.user}", max(e.run_time or 1.0, 1.0)) for e in found]
    most = _demand(jobs).most_common(WATCHED)
    until = (last - first) * squeeze
    return Load(_in_order(jobs), until, [owner for owner, _ in most], frozenset())


def _zipf(processors: int) -> Load:
    chance = random.Random(1)
    owners = [f"owner-{n}" for n in range(OWNERS)]
    demands = [1 / (n + 1) ** 1.1 for n in range(OWNERS)]
    jobs = _poisson(chance, owners, demands, 1.2 * processors)
    return Load(jobs, SECONDS, owners[:WATCHED], frozenset(owners[OWNERS // 2 :]))


def _weights() -> Load:
    chance = random.Random(2)
    weights = {f"owner-{n}": WEIGHTS[n % len(WEIGHTS)] for n in range(OWNERS)}
    enough = int(SECONDS / LEAST)
    jobs = [Job(0.0, o, chance.uniform(LEAST, MOST), weight) for _ in range(enough) for o, weight in weights.items()]
    return Load(jobs, SECONDS, list(weights)[:WATCHED], frozenset())


def _floods(processors: int) -> Load:
    chance = random.Random(3)
    owners = [f"owner-{n}" for n in range(OWNERS)]
    floods = [f"flood-{n}" for n in range(FLOODS)]
    jobs = _poisson(chance, owners, [1.0] * OWNERS, 0.6 * processors)
    many = int(SECONDS * processors / FLOODS)
    jobs += [Job(FLOODED, flood, chance.uniform(LEAST, MOST)) for _ in range(many) for flood in floods]
    return Load(_in_order(jobs), SECONDS, [*floods, *owners[: WATCHED - FLOODS]], frozenset(owners))


def _poisson(chance: random.Random, owners: list[str], demands: list[float], processors: float) -> list[Job]:
    """Return jobs that come at random and ask for so many processors, by owners chosen by their demand."""
    rate, now, jobs = processors / ((LEAST + MOST) / 2), 0.0, []
    many = int(rate * SECONDS)
    for owner in chance.choices(owners, demands, k=many):
        now = min(now + chance.expovariate(rate), SECONDS)
        jobs.append(Job(now, owner, chance.uniform(LEAST, MOST)))
    return jobs


def _demand(jobs: Iterable[Job]) -> Counter[str]:
    demand: Counter[str] = Counter()
    for job in jobs:
        demand[job.owner] += job.seconds  # type: ignore[assignment]  # a counter of seconds
    return demand


def _in_order(jobs: list[Job]) -> list[Job]:
    return sorted(jobs, key=lambda job: job.at)
