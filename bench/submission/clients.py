"""The submitters: threads with a client each."""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import count
from threading import Event, Thread
from typing import Any

import httpx

from bench.filling import DECLARED

WARM_UP = 0.2

numbers = count()
"""Numbers for job ids that are new."""


def single(http: httpx.Client, address: str) -> None:
    """Submit one job with a new id. Raises HTTPError if it is not accepted."""
    job = {"job_id": f"job-{next(numbers)}", "duration": DECLARED, "task": "bench.nothing", "payload": {}}
    http.post(address, json=job).raise_for_status()


class Submitters:
    """Threads that submit single jobs without a pause, as a context manager. Entering it waits for WARM_UP seconds."""

    def __init__(self, clients: Sequence[httpx.Client], address: str) -> None:
        self._stop, self._times, self._failed = Event(), list[tuple[float, float]](), list[Exception]()
        self._threads = [Thread(target=self._work, args=(http, address)) for http in clients]

    def __enter__(self) -> Submitters:
        for thread in self._threads:
            thread.start()
        time.sleep(WARM_UP)
        return self

    def __exit__(self, *_: Any) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _work(self, http: httpx.Client, address: str) -> None:
        while not self._stop.is_set():
            begun = time.monotonic()
            try:
                single(http, address)
            except httpx.HTTPError as error:
                self._failed.append(error)
                return
            self._times.append((begun, time.monotonic()))

    def since(self, moment: float) -> list[float]:
        """Return the ms of each request that was answered since `moment` (time.monotonic). Raises a request's error."""
        if self._failed:
            raise self._failed[0]
        return [(ended - begun) * 1000 for begun, ended in self._times.copy() if ended >= moment]
