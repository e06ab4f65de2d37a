"""The users of a run: each submits over HTTP until every job is acknowledged, follows an event stream, and cancels and
tries again some jobs of their own; all of it is recorded."""

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
"""Seconds that a client waits for an answer; above those that the web server waits for a database connection."""
PAUSE = 0.3
"""Seconds before a client tries again."""
DEEP = 4
"""Users that submit all their jobs at once, so that several flows have a backlog for long."""
DEEP_SECONDS = 0.05
"""Seconds that each of their jobs takes: a longer one would widen the bound of fairness beyond what they can break."""
MEDDLED = "-meddled-"
"""In the names of the jobs that are cancelled and tried again."""
MEDDLE_EVERY = 3.0


class Client:
    """One user: threads that submit, listen and meddle. What they saw is read when they have ended."""

    def __init__(self, url: str, number: int, jobs: int, seconds: float, over: threading.Event) -> None:
        self.name = name_of(number)
        self.acknowledged: set[str] = set()
        self.delivered: list[tuple[int, str, str]] = []
        """Completions as they came, but for the jobs that it meddles with: id, owner's name in it, job_id."""
        self.opened = 0
        """How often the stream was opened."""
        self.answers: Counter[str] = Counter()
        self.refused: list[str] = []
        """Answers that must not be."""
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
        """The ids of all jobs that it is to submit, and leaves alone."""
        return {job["job_id"] for job in self._jobs}

    def log_in(self) -> None:
        """Get a token, as soon as the site gives one."""
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
        """The last look at all jobs, for the history."""
        self._user("looks").read_all()

    def _user(self, part: str) -> RecordedUser:
        return RecordedUser(self._url, self.name, self._token, part, PATIENCE)

    def _job(self, number: int) -> dict[str, Any]:
        """Mostly short; one in forty holds its processor for so long that a fault is likely to meet it."""
        seconds = 0.4 if number % 40 == 7 else round(self._chance.uniform(0.002, 0.02), 4)
        seconds = DEEP_SECONDS if self._deep else seconds
        return {"job_id": f"{self.name}-{number}", "duration": seconds, "task": WAIT}

    def _submit_all(self) -> None:
        """One by one and in bulk, spread over the run's seconds; or all at once."""
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
        """The same jobs under the same names, again and again, until they are acknowledged."""
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
        """As an EventSource: opened again after a second with the last id that came, for as long as the run goes."""
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
        """Submit a job, cancel it, now while it waits and now while it runs, look at it, and try it again; all once:
        what gets no answer is not asked again."""
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
