"""A backlog too deep to look at job by job: each owner's first jobs as they are, the later ones in samples.

The work stays the same to the second, and so do the turns that it takes; only when the jobs of one sample start is
known no closer than the sample.
"""

from __future__ import annotations

import math
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass

from ..scheduler import QueuedJob


@dataclass(frozen=True)
class Remainder:
    """What one owner has waiting in one flow: how many jobs, expected processor seconds, the place of the last."""

    many: int
    expected: float
    last: int

    def behind(self, first: Sequence[QueuedJob]) -> Remainder:
        """What is left without the first jobs."""
        return Remainder(self.many - len(first), self.expected - sum(job.expected for job in first), self.last)


def depth(sizes: Sequence[int], budget: int) -> int:
    """How many jobs of each owner to look at, the same for all and at least one, to look at no more than `budget`."""
    low, high = 1, max(budget, 1)
    while low < high:
        middle = (low + high + 1) // 2
        if sum(min(size, middle) for size in sizes) <= budget:
            low = middle
        else:
            high = middle - 1
    return low


def sample_size(sizes: Sequence[int], first: int, budget: int) -> int:
    """Jobs in a sample so that what is behind the `first` jobs of each makes about `budget` samples."""
    return max(math.ceil(sum(max(size - first, 0) for size in sizes) / budget), 1)


def samples(rest: Remainder, size: int, begin: int, taken: Container[int]) -> Iterator[QueuedJob]:
    """The rest in samples of `size` jobs, in places spread evenly between `begin` and its last and not yet `taken`."""
    pieces = math.ceil(rest.many / size)
    mean = max(rest.expected, 0.0) / max(rest.many, 1)
    place = begin
    for piece in range(pieces):
        place = max(place + 1, begin + (rest.last - begin) * (piece + 1) // pieces)
        while place in taken:
            place += 1
        yield QueuedJob(place, mean * min(size, rest.many - piece * size))
