"""A user beside the streams, who asks for the queue and submits jobs."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from itertools import count
from typing import Any

EVERY = 0.2
"""Seconds between two requests of a kind."""
PATIENCE = 30.0


class Bystander:
    """Two threads with a connection each: `GET queue/` and `POST jobs/`, each five times a second (open loop).

    A request's time counts from when it was due, so a late answer makes the next ones late, too.
    """

    def __init__(self, port: int, token: str) -> None:
        self._port, self._headers = port, {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self._times: dict[str, list[float]] = {"GET queue/": [], "POST jobs/": []}
        self._failed = 0
        numbers = count()
        bodies: dict[str, Callable[[], Any]] = {
            "GET queue/": lambda: None,
            "POST jobs/": lambda: {"job_id": f"beside-{next(numbers)}", "duration": 0.005, "task": "bench.nothing"},
        }
        for what, body in bodies.items():
            threading.Thread(target=self._ask, args=(what, body), daemon=True).start()

    def take(self) -> tuple[dict[str, list[float]], int]:
        """Return the seconds that the requests took since the last call, by request, and how many failed."""
        taken = {what: its.copy() for what, its in self._times.items()}
        for what, its in taken.items():
            del self._times[what][: len(its)]
        failed, self._failed = self._failed, 0
        return taken, failed

    def _ask(self, what: str, body: Callable[[], Any]) -> None:
        method, path = what.split()
        connection, due = HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE), time.monotonic()
        while True:
            due += EVERY
            time.sleep(max(due - time.monotonic(), 0.0))
            content = json.dumps(body()).encode() if method == "POST" else None
            good = False
            with suppress(OSError, HTTPException):
                connection.request(method, f"/api/v1/{path}", content, self._headers)
                answer = connection.getresponse()
                answer.read()
                good = answer.status in (200, 201)
            if good:
                self._times[what].append(time.monotonic() - due)
            else:
                self._failed += 1
                connection.close()
