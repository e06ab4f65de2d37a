"""The users of a run: each is a thread whose operations are recorded. They go on until the run is over."""

from __future__ import annotations

import threading
import time

from bench.histories.user import WAIT, Job, RecordedUser

SHORT, LONG = 0.05, 20.0
"""Seconds that jobs take. A long one is under way on most processors when a fault begins."""
PATIENCE = 40.0
"""Seconds that a client waits for an answer: longer than any bound of the site."""


class Load:
    """`short` users submit a job five times a second, one submits long jobs, one asks for its queue, one listens."""

    def __init__(self, url: str, tokens: dict[str, str]) -> None:
        self._url, self._tokens = url, tokens
        self._over, self._calm = threading.Event(), threading.Event()
        self._threads = [
            threading.Thread(target=self._submit, args=("ann", SHORT, 0.2), daemon=True),
            threading.Thread(target=self._submit, args=("ben", SHORT, 0.2), daemon=True),
            threading.Thread(target=self._submit, args=("cat", LONG, 1.8), daemon=True),
            threading.Thread(target=self._look, args=("dan",), daemon=True),
            threading.Thread(target=self._listen, args=("ann",), daemon=True),
            threading.Thread(target=self._listen, args=("cat",), daemon=True),
        ]
        self.acknowledged: set[str] = set()
        self.last_answer = 0.0
        """When dan's queue was answered last, by time.monotonic."""
        self.heard: dict[str, float] = {}
        """When each completion was heard, by time.monotonic."""

    def start(self) -> None:
        """Start all users."""
        for thread in self._threads:
            thread.start()

    def stop_submitting(self) -> None:
        """Let no user submit further jobs. The others go on."""
        self._calm.set()

    def stop(self) -> None:
        """End all users, and wait for them."""
        self._over.set()
        for thread in self._threads:
            thread.join(PATIENCE)

    def read_all(self) -> None:
        """Record all jobs of all users."""
        for name in ("ann", "ben", "cat"):
            self._user(name, "looks").read_all()

    def _user(self, name: str, part: str) -> RecordedUser:
        return RecordedUser(self._url, name, self._tokens[name], part, PATIENCE)

    def _submit(self, name: str, seconds: float, every: float) -> None:
        user, number = self._user(name, "submits"), 0
        while not self._calm.wait(every):
            number += 1
            job: Job = {"job_id": f"{name}-{number}", "duration": seconds, "task": WAIT}
            while not self._over.is_set():
                if user.submit([job]) in (200, 201):
                    self.acknowledged.add(job["job_id"])
                    break
                time.sleep(0.3)

    def _look(self, name: str) -> None:
        user = self._user(name, "looks")
        while not self._over.wait(0.2):
            if user.queue() == 200:
                self.last_answer = time.monotonic()

    def _listen(self, name: str) -> None:
        user = self._user(name, "listens")

        def heard(_: int, job: Job) -> None:
            self.heard[job["job_id"]] = time.monotonic()

        while not self._over.is_set():
            user.follow(self._over, heard)
            self._over.wait(1.0)
