"""A user beside the streams, who asks for the queue and submits jobs."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from http.client import HTTPConnection, HTTPException
from itertools import count
from typing import Any

EVERY = 0.2
"""Seconds between two requests of a kind."""
PATIENCE = 30.0


class Bystander:
    """Two threads with a connection each: `GET queue/` and `POST jobs/`, each five times a second (open loop).

    A request's time counts from when it was due, so a late answer makes the next ones late, too, until take().
    """

    def __init__(self, port: int, token: str) -> None:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        numbers = count()
        self._askers = {
            "GET queue/": Asker(port, headers, "GET", "/api/v1/queue/", lambda: None),
            "POST jobs/": Asker(port, headers, "POST", "/api/v1/jobs/", lambda: _job(next(numbers))),
        }

    def take(self) -> tuple[dict[str, list[float]], list[str]]:
        """Return the seconds that the requests took since the last call, by request, and why others failed."""
        taken = {what: asker.take() for what, asker in self._askers.items()}
        failed = [f"{what}: {why}" for what, (_, reasons) in taken.items() for why in reasons]
        return {what: times for what, (times, _) in taken.items()}, failed


class Asker:
    """One of the threads."""

    def __init__(self, port: int, headers: dict[str, str], method: str, path: str, body: Callable[[], Any]) -> None:
        self._connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        self._headers, self._method, self._path, self._body = headers, method, path, body
        self._lock, self._times, self._failed, self._due = (
            threading.Lock(),
            list[float](),
            list[str](),
            time.monotonic(),
        )
        threading.Thread(target=self._ask, daemon=True).start()

    def take(self) -> tuple[list[float], list[str]]:
        """Return the seconds of each request since the last call, and why others failed. What is due counts from now.

        If none was answered, the seconds are those for which one has been due.
        """
        with self._lock:
            now = time.monotonic()
            times, failed = self._times or [max(now - self._due, 0.0)], self._failed
            self._times, self._failed, self._due = [], [], max(self._due, now)
        return times, failed

    def _ask(self) -> None:
        while True:
            time.sleep(max(self._due - time.monotonic(), 0.0))
            failure = self._request()
            with self._lock:
                if failure:
                    self._failed.append(failure)
                else:
                    self._times.append(max(time.monotonic() - self._due, 0.0))
                self._due += EVERY

    def _request(self) -> str:
        """Send a request and return why it failed; empty if it did not."""
        content = None if (body := self._body()) is None else json.dumps(body).encode()
        try:
            self._connection.request(self._method, self._path, content, self._headers)
            answer = self._connection.getresponse()
            answer.read()
        except (OSError, HTTPException) as error:
            self._connection.close()
            return type(error).__name__
        return "" if answer.status in (200, 201) else str(answer.status)


def _job(number: int) -> dict[str, Any]:
    return {"job_id": f"beside-{number}", "duration": 0.005, "task": "bench.nothing"}
