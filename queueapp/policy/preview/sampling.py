"""A backlog too deep to read job by job: the first jobs of each owner one by one, the later ones in samples.

A *sample* is one job that stands for several, with the declared seconds of all of them. So the work stays the same.
The starts of its jobs are known only to within the sample.
"""

from __future__ import annotations

import math
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass

from ..scheduler import QueuedJob


@dataclass(frozen=True)
class Remainder:
    """The waiting jobs of one owner in one flow: their number, declared processor seconds, the number of the last."""

    many: int
    declared: float
    last: int

    def behind(self, first: Sequence[QueuedJob]) -> Remainder:
        """Return the remainder without its first jobs."""
        return Remainder(self.many - len(first), self.declared - sum(job.declared for job in first), self.last)


def depth(sizes: Sequence[int], budget: int) -> int:
    """Return how many jobs of each owner to read one by one: one or more, the same for all, `budget` in sum at most."""
    low, high = 1, max(budget, 1)
    while low < high:
        middle = (low + high + 1) // 2
        if sum(min(size, middle) for size in sizes) <= budget:
            low = middle
        else:
            high = middle - 1
    return low


def sample_size(sizes: Sequence[int], first: int, budget: int) -> int:
    """Return the jobs of a sample, so that all jobs behind the `first` of each owner make about `budget` samples."""
    return max(math.ceil(sum(max(size - first, 0) for size in sizes) / budget), 1)


def samples(rest: Remainder, size: int, begin: int, taken: Container[int]) -> Iterator[QueuedJob]:
    """Yield the rest in samples of `size` jobs, with numbers spread evenly from `begin` to its last, none `taken`."""
    pieces = math.ceil(rest.many / size)
    mean = max(rest.declared, 0.0) / max(rest.many, 1)
    number = begin
    for piece in range(pieces):
        number = max(number + 1, begin + (rest.last - begin) * (piece + 1) // pieces)
        while number in taken:
            number += 1
        yield QueuedJob(number, mean * min(size, rest.many - piece * size))
