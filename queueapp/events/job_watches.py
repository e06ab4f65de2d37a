"""Clients that wait for the end of one job each. Pure: no database, no clock; of one event loop."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterable

Ending = asyncio.Future[None]


class JobWatches:
    """The jobs that are waited for, by owner, and those of them that may have ended since they were looked at."""

    def __init__(self) -> None:
        self._jobs: defaultdict[int, dict[int, set[Ending]]] = defaultdict(dict)
        self._changed: set[int] = set()

    @property
    def owners(self) -> Collection[int]:
        """The owners whose jobs are waited for."""
        return self._jobs.keys()

    @property
    def changed(self) -> bool:
        """Whether there are jobs to look at."""
        return bool(self._changed)

    def count(self, owner: int) -> int:
        """Return how many clients wait for this owner's jobs."""
        return sum(map(len, self._jobs.get(owner, {}).values()))

    def add(self, owner: int, job: int) -> Ending:
        """Return what is done when the job has ended. The job is looked at soon: it may have ended already."""
        ending: Ending = asyncio.get_running_loop().create_future()
        self._jobs[owner].setdefault(job, set()).add(ending)
        self._changed.add(owner)
        return ending

    def remove(self, owner: int, job: int, ending: Ending) -> None:
        """Forget a client that waits no more."""
        jobs = self._jobs.get(owner, {})
        jobs.get(job, set()).discard(ending)
        if not jobs.get(job):
            jobs.pop(job, None)
        if not jobs:
            self._jobs.pop(owner, None)
            self._changed.discard(owner)

    def note(self, owners: Iterable[int]) -> None:
        """Have these owners' jobs looked at, as far as they are waited for."""
        self._changed.update(owner for owner in owners if owner in self._jobs)

    def take(self) -> list[int]:
        """Return the jobs to look at now."""
        taken, self._changed = self._changed, set()
        return [job for owner in taken for job in self._jobs.get(owner, ())]

    def end(self, ended: Collection[int]) -> None:
        """Tell those who wait for these jobs."""
        for jobs in self._jobs.values():
            for job in jobs.keys() & ended:
                for ending in jobs[job]:
                    if not ending.done():
                        ending.set_result(None)
