"""The operations of a client, each written once. Client and AsyncClient carry out their steps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Unpack
from urllib.parse import parse_qs, quote, urlsplit

import msgspec

from ._api import Api
from ._bulk import encode, named, normal, parts
from ._completions import completions
from ._steps import Emit, Items, Patience, Request, Sleep, Steps, first
from ._stream import SILENCE, follow, last_number
from .errors import ApiError, Conflict, FieldError, Unavailable, Unreachable
from .shapes import (
    BulkResult,
    CancelFilter,
    Cancelled,
    End,
    Event,
    Job,
    JobFilter,
    JobLog,
    Moved,
    Queue,
    Retried,
    RetryFilter,
    Status,
    Submission,
    Wait,
)


class _Page(msgspec.Struct):
    next: str | None
    results: list[Job]


class _More(msgspec.Struct):
    unchanged: int
    more: bool
    cancelled: int = 0
    stopping: int = 0
    retried: int = 0


class Operations:
    """The calls of a client, as steps. `whose`: {"user": ...} or {"key": ...} of another owner, for staff; else {}."""

    def __init__(self, api: Api, whose: dict[str, str]) -> None:
        self.api = api
        self._whose = whose

    def log_in(self) -> Steps[None]:
        """Get tokens by user name and password now, rather than with the first call. Raises NotAuthenticated."""
        return self.api.log_in()

    def log_out(self) -> Steps[None]:
        """Give the tokens back, and forget them. Raises ApiError, Unreachable."""
        return self.api.log_out()

    def submit(
        self,
        task: str = "wait",
        payload: Mapping[str, Any] | None = None,
        *,
        duration: float,
        job_id: str | None = None,
        run_at: datetime | None = None,
        time_limit: float | None = None,
        memory_limit: float | None = None,
    ) -> Steps[Job]:
        """Submit a job, and return it as it stands. `duration`: expected processor seconds.

        It is sent again until there is an answer. The same `job_id` with the same content changes nothing; without a
        `job_id` one is made up. Raises InvalidRequest, Conflict, RateLimited, Unreachable; ValueError if the payload
        is not JSON.
        """
        job = Submission(
            task=task, payload=dict(payload or {}), duration=duration, job_id=job_id, run_at=run_at,
            time_limit=time_limit, memory_limit=memory_limit,
        )  # fmt: skip
        return self.api.fetch(Request("POST", "jobs/", encode(self._whose | named(job))), Job)

    def submit_many(self, jobs: Iterable[Submission | Mapping[str, Any]]) -> Steps[BulkResult]:
        """Submit any number of jobs, in their order, and return how many are new, with all names.

        They go in requests of at most 10,000, each of them all or nothing. Raises as submit(); `index` in `errors`
        counts from the first of all jobs. Jobs before those of the failed request are submitted then: send all again.
        """
        accepted, existing, names = 0, 0, list[str]()
        whose = self._whose
        for part in parts(whose | named(job) for job in jobs):
            try:
                done = yield from self.api.fetch(Request("POST", "jobs/bulk/", part.body), BulkResult)
            except ApiError as refused:
                refused.errors = [_moved(error, part.first) for error in refused.errors]
                raise
            accepted, existing = accepted + done.accepted, existing + done.existing
            names += part.job_ids
        return BulkResult(accepted=accepted, existing=existing, job_ids=names)

    def get(self, job_id: str) -> Steps[Job]:
        """Return a job, whole. Raises NotFound."""
        return self.api.fetch(self._of(job_id), Job)

    def why(self, job_id: str) -> Steps[Wait]:
        """Return why a job waits, and when it should start. Raises NotFound; Conflict if it does not wait."""
        return self.api.fetch(self._of(job_id, tail="/why/"), Wait)

    def log(self, job_id: str) -> Steps[JobLog]:
        """Return what a job printed, its stages and its note, also while it runs. Raises NotFound."""
        return self.api.fetch(self._of(job_id, tail="/log/"), JobLog)

    def ended(self, job_id: str, seconds: int) -> Steps[Job]:
        """Return a job when it has ended, or as it is after so many seconds, at most 60. It is asked for once.

        A server that does not wait, as without the queue's ASGI middleware, answers at once. Raises as get().
        """
        request = self._of(job_id)
        request = replace(request, params={**request.params, "wait": str(seconds)}, wait=seconds)
        return self.api.fetch(request, Job, Patience(0))

    def jobs(self, *, status: Status | None = None, task: str | None = None, page_size: int = 100) -> Items[Job]:
        """Iterate over the jobs, newest first. Pages of up to 1,000 are asked for as they are needed."""
        given = {"status": status, "task": task, "page_size": str(page_size)}
        return Items(self._pages(self._whose | {name: value for name, value in given.items() if value is not None}))

    def _pages(self, params: dict[str, str]) -> Steps[None]:
        while True:
            page = yield from self.api.fetch(Request("GET", "jobs/", params=params), _Page)
            for job in page.results:
                yield Emit(job)
            if page.next is None:
                return
            # Not the address itself: behind a proxy it may be another one than the client's.
            params = {name: values[0] for name, values in parse_qs(urlsplit(page.next).query).items()}

    def queue(self) -> Steps[Queue]:
        """Return what runs, the first 100 jobs that wait, and the share."""
        return self.api.fetch(Request("GET", "queue/", params=self._whose), Queue)

    def cancel(self, job_id: str) -> Steps[Job]:
        """Cancel a job, or ask it to stop if it runs (`stopping`). Raises NotFound, Conflict if it has ended."""
        patience = Patience(self.api.retry_for)
        try:
            return (yield from self.api.fetch(self._of(job_id, "DELETE"), Job, patience))
        except Conflict:
            job = yield from self.get(job_id)
            if patience.tries and job.status == "cancelled":  # by a request whose answer was lost
                return job
            raise

    def retry(self, job_id: str) -> Steps[Job]:
        """Retry a job that failed or was cancelled. Raises NotFound, Conflict if it did not.

        If an answer is lost, the job tells whether it was retried: it is never retried twice.
        """
        before = yield from self.get(job_id)
        patience = Patience(self.api.retry_for)
        request = self._of(job_id, "POST", "/retry/", repeatable=False)
        while True:
            try:
                return (yield from self.api.fetch(request, Job, patience))
            except (Unreachable, Unavailable):
                now = yield from self.get(job_id)
                if now.finished_at != before.finished_at:
                    return now
                if (pause := patience.pause()) is None:
                    raise
            yield Sleep(pause)

    def cancel_matching(self, **which: Unpack[CancelFilter]) -> Steps[Cancelled]:
        """Cancel all jobs that match every field given, and return how many. At least one must be given."""
        done = yield from self._all_that_match("jobs/cancel/", which)
        return Cancelled(cancelled=done.cancelled, stopping=done.stopping, unchanged=done.unchanged)

    def retry_matching(self, **which: Unpack[RetryFilter]) -> Steps[Retried]:
        """Retry all failed and cancelled jobs that match every field given. At least one must be given."""
        done = yield from self._all_that_match("jobs/retry/", which)
        return Retried(retried=done.retried, unchanged=done.unchanged)

    def move(self, job_id: str, to: End) -> Steps[Job]:
        """Move a job that waits to the front or the back of the owner's own flow: "front" or "back".

        Raises NotFound; Conflict if it does not wait, or in a flow that others share.
        """
        return self.api.fetch(replace(self._of(job_id, "POST", "/move/"), body=encode({"to": to})), Job)

    def move_matching(self, to: End, **which: Unpack[JobFilter]) -> Steps[Moved]:
        """Move all waiting jobs that match every field given, at most 10,000. They keep their order.

        At least one field must be given. Raises Conflict if others share the owner's flow.
        """
        return self.api.fetch(Request("POST", "jobs/move/", encode(_listed({**which, "to": to})), self._whose), Moved)

    def events(self, after: int | None = None) -> Items[Event]:
        """Iterate over the events of the stream, for ever. It comes back by itself when it is cut.

        No completion is missed or repeated: it goes on after the last one. `after`: begin with the completions after
        this number; None: with the present. Raises ApiError, Unreachable if the first connection fails.
        """
        self._own("events()")
        return Items(follow(self.api, after, SILENCE, self.api.retry_for))

    def last_completion(self) -> Steps[int]:
        """Return the number of the last completion so far, 0 if there is none: for events(after=...)."""
        self._own("last_completion()")
        return last_number(self.api, SILENCE)

    def as_completed(self, job_ids: Iterable[str], timeout: float | None = None) -> Items[Job]:
        """Iterate over these jobs, each as it ends, whole. Raises TimedOut after `timeout` seconds, NotFound."""
        return Items(completions(self, list(map(normal, job_ids)), timeout, streams=not self._whose))

    def wait(self, job_id: str, timeout: float | None = None) -> Steps[Job]:
        """Return the job once it has ended. Raises TimedOut after `timeout` seconds, NotFound."""
        return first(self.as_completed([job_id], timeout).steps)

    def _all_that_match(self, path: str, which: CancelFilter | RetryFilter) -> Steps[_More]:
        request = Request("POST", path, encode(_listed({**which})), self._whose)
        total = _More(0, True)
        while total.more:
            done = yield from self.api.fetch(request, _More)
            total = _More(
                total.unchanged + done.unchanged, done.more, total.cancelled + done.cancelled,
                total.stopping + done.stopping, total.retried + done.retried,
            )  # fmt: skip
        return total

    def _of(self, job_id: str, method: str = "GET", tail: str = "/", *, repeatable: bool = True) -> Request:
        name = normal(job_id)
        if not (name[:1].isalnum() or name[:1] == "_") or "/" in name:  # else it may be another address
            raise ValueError(f"{job_id!r} is not the name of a job.")
        return Request(method, f"jobs/{quote(name, safe='')}{tail}", params=self._whose, repeatable=repeatable)

    def _own(self, what: str) -> None:
        if self._whose:
            raise ValueError(f"{what} is for the user's own jobs only.")


def _listed(given: dict[str, Any]) -> dict[str, Any]:
    return given | {"job_ids": list(given["job_ids"])} if "job_ids" in given else given


def _moved(error: FieldError, first: int) -> FieldError:
    return error if error.index is None else msgspec.structs.replace(error, index=error.index + first)
