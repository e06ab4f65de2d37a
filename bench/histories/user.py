"""An API client whose operations are recorded in the history."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable
from typing import Any

import httpx

from bench.histories.record import Operation, write

SILENCE = 20.0
"""Seconds without a byte after which a stream counts as dead. The server sends something every 15 s."""
WAIT = "recorded.wait"
"""The task in tasks.py that holds its processor for the job's duration."""
NO_SERVER, NO_ANSWER = 0, -1
Job = dict[str, Any]


class RecordedUser:
    """The API client of one thread. Its requests return the status code, NO_SERVER or NO_ANSWER."""

    def __init__(self, url: str, name: str, token: str, part: str, patience: float = 12.0) -> None:
        """`part` names the thread: name and part are one process of the history. `patience`: seconds for an answer."""
        self.name, self.process = name, f"{name} {part}"
        headers = {"Authorization": f"Bearer {token}"}
        self.http = httpx.Client(base_url=f"{url}/api/v1/", headers=headers, timeout=patience)
        self.last_id = 0

    def submit(self, jobs: list[Job]) -> int:
        """Submit one job by POST jobs/, several by POST jobs/bulk/."""
        value = {"user": self.name, "jobs": [{"job": job["job_id"], "duration": job["duration"]} for job in jobs]}
        path, ask = ("jobs/", jobs[0]) if len(jobs) == 1 else ("jobs/bulk/", {"jobs": jobs})
        return self._do("submit", value, "POST", path, ask)[0]

    def cancel(self, job: str) -> int:
        """Cancel a job. 200: it is cancelled; 202: it was asked to stop."""
        return self._do("cancel", {"user": self.name, "job": job}, "DELETE", f"jobs/{job}/")[0]

    def retry(self, job: str) -> int:
        """Retry a job. 200: it waits again."""
        return self._do("retry", {"user": self.name, "job": job}, "POST", f"jobs/{job}/retry/")[0]

    def read(self, job: str) -> Job | None:
        """Return the job as it is now; None if the answer is not 200."""
        status, told = self._do("read", {"user": self.name, "job": job}, "GET", f"jobs/{job}/")
        return told if status == 200 else None

    def queue(self) -> int:
        """Ask GET queue/."""
        return self._do("queue", {"user": self.name}, "GET", "queue/")[0]

    def read_all(self, prefix: str = "") -> int:
        """Record all jobs of the user whose ids begin with `prefix`, at the end of a run. Return their number.

        Raises HTTPError if a page fails.
        """
        operation = Operation(self.process, "read-all", {"user": self.name})
        jobs: list[Job] = []
        path: str | None = "jobs/?page_size=500"
        try:
            while path:
                page = self.http.get(path).raise_for_status().json()
                jobs += [_told(job) for job in page["results"] if job["job_id"].startswith(prefix)]
                path = page["next"]
        except httpx.HTTPError as error:
            operation.info({"error": repr(error)})
            raise
        operation.ok({"user": self.name, "jobs": jobs})
        return len(jobs)

    def follow(self, over: threading.Event, heard: Callable[[int, Job], None]) -> int:
        """Record the completions of one event stream until it ends or `over` is set, and return its status code."""
        patience = httpx.Timeout(12.0, read=SILENCE)
        headers, status = {"Last-Event-ID": str(self.last_id)}, NO_SERVER
        try:
            with self.http.stream("GET", "events/", headers=headers, timeout=patience) as answer:
                status = answer.status_code
                if status == 200:
                    write(self.process, "info", "stream", {"user": self.name, "after": self.last_id})
                    for number, job in completions(answer.iter_lines(), over):
                        self.last_id = number
                        write(self.process, "ok", "completed", {"user": self.name, "id": number} | _told(job))
                        heard(number, job)
        except httpx.TransportError:
            pass
        return status

    def _do(self, f: str, value: Any, method: str, path: str, ask: Any = None) -> tuple[int, Job]:
        operation = Operation(self.process, f, value)
        try:
            answer = self.http.request(method, path, json=ask)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:  # the request was never sent
            operation.fail(value | {"error": type(error).__name__})
            return NO_SERVER, {}
        except httpx.TransportError as error:
            operation.info(value | {"error": type(error).__name__})
            return NO_ANSWER, {}
        told = answer.json() if answer.headers.get("content-type", "").endswith("json") else {}
        value = value | {"status_code": answer.status_code}
        if answer.is_success:
            operation.ok(value | (_told(told) if "job_id" in told else {}))
        elif answer.is_client_error:
            operation.fail(value)
        else:
            operation.info(value)
        return answer.status_code, told


def completions(lines: Iterable[str], over: threading.Event) -> Iterable[tuple[int, Job]]:
    """Yield the completions among the lines of an event stream, each with its id."""
    event: dict[str, str] = {}
    for line in lines:
        if over.is_set():
            return
        if line:
            field, _, value = line.partition(":")
            event[field] = value.removeprefix(" ")
            continue
        if event.get("event") == "completed":
            yield int(event["id"]), json.loads(event["data"])
        event = {}


def _told(job: Job) -> Job:
    """Return the fields of a job that the checker reads."""
    return {"job": job["job_id"], "owner": job["user"], "status": job["status"], "attempt": job["attempt"]}
