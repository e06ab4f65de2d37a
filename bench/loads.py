"""Loads: which users submit how many jobs, in what order, and when exact shares would have them done."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Load:
    """Jobs that all hold their processor for the same time. All are submitted before the first one starts."""

    key: str
    title: str
    batches: tuple[tuple[str, int], ...]
    """(user, number of jobs) of each submission, in order."""
    weights: Mapping[str, float]
    watched: tuple[str, ...]
    """The users whose waits are reported."""

    @property
    def users(self) -> list[str]:
        """All users, in the order of their first submissions."""
        return list(dict.fromkeys(user for user, _ in self.batches))

    @property
    def jobs(self) -> dict[str, int]:
        """The number of jobs of each user."""
        return {user: sum(many for who, many in self.batches if who == user) for user in self.users}

    def numbered(self) -> Iterator[tuple[str, range]]:
        """Yield the batches, with the jobs' numbers among all jobs of their user, from 0."""
        so_far = dict.fromkeys(self.users, 0)
        for user, many in self.batches:
            yield user, range(so_far[user], so_far[user] + many)
            so_far[user] += many

    def fair_rank(self, user: str) -> int:
        """Return how many jobs of all users have ended under exact shares when the last one of this user ends."""
        jobs, level = self.jobs, self.jobs[user] / self.weights[user]
        return round(sum(min(jobs[other], level * self.weights[other]) for other in jobs))


def heavy_and_light(heavy: int = 10_000, light: int = 100, lights: int = 9) -> Load:
    """Return a load: one user submits very many jobs, then others submit a few each. All have the same weight."""
    names = tuple(f"light-{number}" for number in range(1, lights + 1))
    return Load(
        key="heavy",
        title=f"one user submits {heavy:,} jobs, then {lights} users submit {light:,} jobs each; all weigh the same",
        batches=(("heavy", heavy), *((name, light) for name in names)),
        weights=dict.fromkeys(("heavy", *names), 1.0),
        watched=names,
    )


def weighted(jobs: int = 1_000, at_a_time: int = 50) -> Load:
    """Return a load: two users of weight 3 and three of weight 1 submit alternately. Plain order serves all alike."""
    weights = {"gold-1": 3.0, "gold-2": 3.0, "plain-1": 1.0, "plain-2": 1.0, "plain-3": 1.0}
    return Load(
        key="weighted",
        title=f"two users of weight 3, three of weight 1; {jobs:,} jobs each, submitted by turns of {at_a_time}",
        batches=tuple((user, at_a_time) for _ in range(jobs // at_a_time) for user in weights),
        weights=weights,
        watched=tuple(user for user, weight in weights.items() if weight > 1.0),
    )
