"""The other users of the site: good users, bystanders, and a listener. Each is a thread."""

from __future__ import annotations

import threading
import time
from collections import Counter

from bench.histories.user import Job, RecordedUser
from bench.hostile.site import Site

TINY = 0.002
"""Seconds that a job declares so that it shares its turn with others."""
EVERY = 0.25
"""Seconds between two jobs of a good user."""
LOOK_EVERY = 0.1
"""Seconds between two requests of a bystander."""
LAST = """
    SELECT coalesce(max(o.number), 0) FROM queueapp_outcome o
      JOIN queueapp_owner w ON w.id = o.owner_id JOIN accounts_user u ON u.id = w.user_id
     WHERE u.username = %s"""


class Good(threading.Thread):
    """A good user that submits a job every quarter of a second, and repeats each until it is acknowledged."""

    def __init__(self, user: RecordedUser, prefix: str, over: threading.Event) -> None:
        super().__init__(name=user.name, daemon=True)
        self.user, self._prefix, self._over, self._n = user, prefix, over, 0
        self.jobs: list[str] = []

    def batch(self, task: str, many: int, duration: float) -> None:
        """Submit so many jobs at once. Return when they are acknowledged or the trial is over."""
        jobs = [self._job(task, duration) for _ in range(many)]
        self.jobs += [job["job_id"] for job in jobs]
        while self.user.submit(jobs) not in (200, 201) and not self._over.wait(EVERY):
            pass

    def run(self) -> None:
        while not self._over.wait(EVERY):
            self.batch("good.probe", 1, TINY)

    def _job(self, task: str, duration: float) -> Job:
        self._n += 1
        return {"job_id": f"{self._prefix}{self.user.name}-{self._n}", "duration": duration, "task": task}


class Bystander(threading.Thread):
    """A user that asks for its own queue about ten times a second: one without jobs, or the hostile jobs' owner.

    `worst` is the longest wait for an answer in seconds. `answers` counts the status codes.
    """

    def __init__(self, user: RecordedUser, over: threading.Event) -> None:
        super().__init__(name=user.name, daemon=True)
        self._user, self._over = user, over
        self.worst, self.answers = 0.0, Counter[int]()

    def run(self) -> None:
        while not self._over.wait(LOOK_EVERY):
            began = time.monotonic()
            self.answers[self._user.queue()] += 1
            self.worst = max(self.worst, time.monotonic() - began)


class Listener(threading.Thread):
    """Follows the event stream of a good user, from the user's last outcome on."""

    def __init__(self, site: Site, user: RecordedUser, over: threading.Event) -> None:
        super().__init__(name=f"{user.name} listens", daemon=True)
        self._user, self._over = user, over
        self._user.last_id = site.query(LAST, user.name)[0][0]
        self._heard: set[str] = set()

    def wait_for(self, jobs: list[str]) -> None:
        """Wait until these jobs have been told, at most 3 s. The checker reports those missing."""
        deadline = time.monotonic() + 3
        while not self._heard.issuperset(jobs) and time.monotonic() < deadline:
            time.sleep(LOOK_EVERY)

    def run(self) -> None:
        while not self._over.is_set():
            self._user.follow(self._over, lambda _, job: self._heard.add(job["job_id"]))
            self._over.wait(EVERY)
