"""The users of a run, whose operations are recorded.

Each submits over HTTP until every job is acknowledged, follows an event stream, and cancels and retries some jobs.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from typing import Any

import httpx

from bench.chaos.people import PASSWORD, name_of
from bench.histories.user import NO_ANSWER, NO_SERVER, WAIT, RecordedUser

PATIENCE = 12.0
"""Seconds that a client waits for an answer. The web server waits a shorter time for a database connection."""
PAUSE = 0.3
"""Seconds between two tries of a client."""
DEEP = 4
"""Users that submit without pauses, 100 jobs a request, so that several flows have a long backlog."""
DEEP_SECONDS = 0.05
"""Seconds that each of their jobs takes. Longer jobs would widen the fairness bound until nothing could break it."""
MEDDLED = "-meddled-"
"""Part of the names of jobs that are cancelled and retried."""
MEDDLE_EVERY = 3.0


class Client:
    """One user: threads that submit, listen and meddle. Read the attributes after the threads have ended."""

    def __init__(self, url: str, number: int, jobs: int, seconds: float, over: threading.Event) -> None:
        self.name = name_of(number)
        self.acknowledged: set[str] = set()
        self.delivered: list[tuple[int, str, str]] = []
        """Completions in the order of arrival, without meddled jobs: (id, name of the job's owner, job_id)."""
        self.opened = 0
        """How often the stream was opened."""
        self.answers: Counter[str] = Counter()
        self.refused: list[str] = []
        """Client errors (4xx) that the site must not answer with."""
        self._chance = random.Random(number)
        self._deep = number < DEEP
        self._jobs = [self._job(n) for n in range(jobs)]
        self._seconds = seconds
        self._over = over
        self._url = url
        self._token = ""
        self.submitter = threading.Thread(target=self._submit_all, name=f"{self.name} submits", daemon=True)
        self.listener = threading.Thread(target=self._listen, name=f"{self.name} listens", daemon=True)
        self.meddler = threading.Thread(target=self._meddle, name=f"{self.name} meddles", daemon=True)

    @property
    def jobs(self) -> set[str]:
        """The ids of the jobs that this client submits, without those that it meddles with."""
        return {job["job_id"] for job in self._jobs}

    def log_in(self) -> None:
        """Get a token; try until the site gives one or the run is over."""
        while not self._over.is_set():
            try:
                ask = {"username": self.name, "password": PASSWORD}
                answer = httpx.post(f"{self._url}/api/v1/token/", json=ask, timeout=PATIENCE)
                answer.raise_for_status()
            except httpx.HTTPError:
                time.sleep(PAUSE)
            else:
                self._token = answer.json()["access"]
                return

    def read_all(self) -> None:
        """Record all jobs as they are at the end of the run."""
        self._user("looks").read_all()

    def _user(self, part: str) -> RecordedUser:
        return RecordedUser(self._url, self.name, self._token, part, PATIENCE)

    def _job(self, number: int) -> dict[str, Any]:
        """Return a job, mostly a short one. One in forty takes 0.4 s, so that a fault is likely to hit it."""
        seconds = 0.4 if number % 40 == 7 else round(self._chance.uniform(0.002, 0.02), 4)
        seconds = DEEP_SECONDS if self._deep else seconds
        return {"job_id": f"{self.name}-{number}", "duration": seconds, "task": WAIT}

    def _submit_all(self) -> None:
        """Submit all jobs, singly and in bulk, spread over the run's seconds. A deep user submits without pauses."""
        began, todo, asked, user = time.monotonic(), list(self._jobs), 0, self._user("submits")
        while todo and not self._over.is_set():
            many = 1 if self._chance.random() < 0.6 else self._chance.randint(2, 12)
            many = 100 if self._deep else many
            part, todo = todo[:many], todo[many:]
            wait = 0.0 if self._deep else self._seconds * asked / len(self._jobs)
            self._over.wait(max(0.0, began + wait - time.monotonic()))
            self._submit(user, part)
            asked += len(part)

    def _submit(self, user: RecordedUser, part: list[dict[str, Any]]) -> None:
        """Submit the same jobs under the same ids until they are acknowledged, refused, or the run is over."""
        while not self._over.is_set():
            status = user.submit(part)
            self.answers[{NO_SERVER: "no server", NO_ANSWER: "no answer"}.get(status, str(status))] += 1
            if status in (200, 201):
                self.acknowledged.update(job["job_id"] for job in part)
                return
            if 400 <= status < 500 and status != 429:
                self.refused.append(str(status))
                return
            self._over.wait(PAUSE)

    def _listen(self) -> None:
        """Follow the stream like an EventSource: reconnect after a second with the last id, until the run is over."""
        user = self._user("listens")
        while not self._over.is_set():
            status = user.follow(self._over, self._heard)
            self.opened += status == 200
            if 400 <= status < 500:
                self.refused.append(f"stream: {status}")
            self._over.wait(1.0)

    def _heard(self, number: int, job: dict[str, Any]) -> None:
        if MEDDLED not in job["job_id"]:
            self.delivered.append((number, job["user"], job["job_id"]))

    def _meddle(self) -> None:
        """Submit a job, cancel it while it waits or runs, read it, and retry half of these jobs.

        Each request is sent once, even if it gets no answer.
        """
        user, chance, until = self._user("meddles"), random.Random(self.name), time.monotonic() + self._seconds
        for number in range(1000):
            self._over.wait(chance.uniform(0.0, 2 * MEDDLE_EVERY))
            if self._over.is_set() or time.monotonic() > until:
                return
            job = f"{self.name}{MEDDLED}{number}"
            user.submit([{"job_id": job, "duration": DEEP_SECONDS if self._deep else 0.2, "task": WAIT}])
            self._over.wait(chance.choice((0.0, 0.1, 0.2)))
            user.cancel(job)
            for _ in range(3):
                user.read(job)
                self._over.wait(0.1)
            if chance.random() < 0.5:
                user.retry(job)
                user.read(job)
