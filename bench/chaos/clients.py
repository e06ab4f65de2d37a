"""The users of a run: each submits over HTTP until every job is acknowledged, and follows an event stream."""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from typing import Any

import httpx

from bench.chaos.people import PASSWORD, name_of

PATIENCE = 12.0
"""Seconds that a client waits for an answer; above those that the web server waits for a database connection."""
PAUSE = 0.3
"""Seconds before a client tries again."""
SILENCE = 20.0
"""Seconds without a byte after which a stream counts as dead; the server says something every 15."""


class Client:
    """One user: a thread that submits and one that listens. What they saw is read when both have ended."""

    def __init__(self, url: str, number: int, jobs: int, seconds: float, over: threading.Event) -> None:
        self.name = name_of(number)
        self.acknowledged: set[str] = set()
        self.delivered: list[tuple[int, str, str]] = []
        """Completions as they came: id, owner's name in it, job_id."""
        self.opened = 0
        """How often the stream was opened."""
        self.answers: Counter[str] = Counter()
        self.refused: list[str] = []
        """Answers that must not be."""
        self._chance = random.Random(number)
        self._jobs = [self._job(n) for n in range(jobs)]
        self._seconds = seconds
        self._over = over
        self._url = f"{url}/api/v1/"
        self._last_id = 0
        self._token = ""
        self.submitter = threading.Thread(target=self._submit_all, name=f"{self.name} submits", daemon=True)
        self.listener = threading.Thread(target=self._listen, name=f"{self.name} listens", daemon=True)

    @property
    def jobs(self) -> set[str]:
        """The ids of all jobs that it is to submit."""
        return {job["job_id"] for job in self._jobs}

    def log_in(self) -> None:
        """Get a token, as soon as the site gives one."""
        while not self._over.is_set():
            try:
                ask = {"username": self.name, "password": PASSWORD}
                answer = httpx.post(f"{self._url}token/", json=ask, timeout=PATIENCE)
                answer.raise_for_status()
            except httpx.HTTPError:
                time.sleep(PAUSE)
            else:
                self._token = answer.json()["access"]
                return

    def _job(self, number: int) -> dict[str, Any]:
        """Mostly short; one in forty holds its processor for so long that a fault is likely to meet it."""
        seconds = 0.4 if number % 40 == 7 else round(self._chance.uniform(0.002, 0.02), 4)
        return {"job_id": f"{self.name}-{number}", "duration": seconds}

    def _submit_all(self) -> None:
        """One by one and in bulk, spread over the run's seconds."""
        began, todo, asked = time.monotonic(), list(self._jobs), 0
        with httpx.Client(base_url=self._url, headers=self._headers(), timeout=PATIENCE) as http:
            while todo and not self._over.is_set():
                many = 1 if self._chance.random() < 0.6 else self._chance.randint(2, 12)
                part, todo = todo[:many], todo[many:]
                self._over.wait(max(0.0, began + self._seconds * asked / len(self._jobs) - time.monotonic()))
                self._submit(http, part)
                asked += len(part)

    def _submit(self, http: httpx.Client, part: list[dict[str, Any]]) -> None:
        """The same jobs under the same names, again and again, until they are acknowledged."""
        path, ask = ("jobs/", part[0]) if len(part) == 1 else ("jobs/bulk/", {"jobs": part})
        while not self._over.is_set():
            try:
                answer = http.post(path, json=ask)
            except httpx.TransportError as error:
                self.answers[
                    "no answer" if isinstance(error, httpx.ReadError | httpx.ReadTimeout) else "no server"
                ] += 1
            else:
                self.answers[str(answer.status_code)] += 1
                if answer.is_success:
                    self.acknowledged.update(job["job_id"] for job in part)
                    return
                if answer.is_client_error and answer.status_code != 429:
                    self.refused.append(f"{answer.status_code} {answer.text[:200]}")
                    return
            self._over.wait(PAUSE)

    def _listen(self) -> None:
        """As an EventSource: opened again after a second with the last id that came, for as long as the run goes."""
        while not self._over.is_set():
            headers = self._headers() | {"Last-Event-ID": str(self._last_id)}
            patience = httpx.Timeout(PATIENCE, read=SILENCE)
            try:
                with httpx.stream("GET", f"{self._url}events/", headers=headers, timeout=patience) as answer:
                    if answer.status_code == 200:
                        self.opened += 1
                        self._follow(answer)
                    elif answer.is_client_error:
                        self.refused.append(f"stream: {answer.status_code}")
            except httpx.TransportError:
                pass
            self._over.wait(1.0)

    def _follow(self, answer: httpx.Response) -> None:
        event: dict[str, str] = {}
        for line in answer.iter_lines():
            if self._over.is_set():
                return
            if line:
                field, _, value = line.partition(":")
                event[field] = value.removeprefix(" ")
                continue
            if event.get("event") == "completed":
                job = json.loads(event["data"])
                self._last_id = int(event["id"])
                self.delivered.append((self._last_id, job["user"], job["job_id"]))
            event = {}

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"}
