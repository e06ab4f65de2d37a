"""Cancelling and retrying many jobs by one request: python -m bench.cancel [--rounds 3] [--deep 1000000]

One user submits 10,000 jobs beside 100,000 waiting jobs of 1,000 users, and cancels and retries them by one request
each over HTTP, on a quiet queue, and while four processes claim and settle and the user looks at the queue all the
time. Then another user cancels a million waiting jobs. Prints medians in seconds. Writes bench/results/cancel.txt and
.json.
"""

from __future__ import annotations

import argparse
import os
import time
from contextlib import nullcontext
from threading import Event, Thread
from typing import Any

import httpx

from bench.claiming import Claimers
from bench.filling import DECLARED, fill
from bench.harness import Crew, in_turn, keep, middle, own_database, table
from bench.serving import PASSWORD, client, serve

NAME = "turnabout_bench_cancel"
USER = "user-1"
MANY = 10_000
AIM = 2.0
"""Seconds for MANY jobs."""
CLAIMS = 2.0
"""Seconds for which the rate of claims is measured beforehand."""


class Looks:
    """GET queue/ again and again in a thread, as a context manager. `longest`: ms."""

    def __init__(self, http: httpx.Client) -> None:
        self._http, self._stop, self.longest = http, Event(), 0.0
        self._thread = Thread(target=self._look)

    def __enter__(self) -> Looks:
        self._thread.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._stop.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._stop.is_set():
            begun = time.perf_counter()
            self._http.get("queue/").raise_for_status()
            self.longest = max(self.longest, (time.perf_counter() - begun) * 1000)


def timed(http: httpx.Client, address: str, **asked: Any) -> tuple[float, dict[str, Any]]:
    """Return the seconds of a request, and its answer. Raises HTTPError if it fails."""
    begun = time.perf_counter()
    answer = http.post(address, json=asked, timeout=120)
    return time.perf_counter() - begun, answer.raise_for_status().json()


def one_round(site: str, number: str, figures: dict[str, list[float]], claimers: Claimers | None) -> None:
    """Submit MANY jobs, cancel them, and retry them. The last of them go to rest at the end."""
    beside = "beside claims" if claimers else "quiet"
    http, prefix = client(site, USER), f"batch-{number}-"
    jobs = [{"job_id": f"{prefix}{n}", "duration": DECLARED, "task": "bench.nothing"} for n in range(MANY)]
    http.post("jobs/bulk/", json={"jobs": jobs}).raise_for_status()
    before, done, begun = (claimers.rate(CLAIMS) if claimers else 0.0), claimers and claimers.done(), time.monotonic()
    with Looks(client(site, USER)) if claimers else nullcontext() as looks:
        took, came = timed(http, "jobs/cancel/", prefix=prefix, status="queued")
        again, came_back = timed(http, "jobs/retry/", prefix=prefix, status="cancelled")
    if claimers and looks:
        rate = (claimers.done() - (done or 0)) / (time.monotonic() - begun)
        keep_all(figures, **{"claims before": before, "claims meanwhile": rate, "longest look": looks.longest})
    assert claimers or came["cancelled"] == came_back["retried"] == MANY, (came, came_back)
    keep_all(figures, **{f"{beside} cancel": took / came["cancelled"] * MANY})
    keep_all(figures, **{f"{beside} retry": again / came_back["retried"] * MANY})
    timed(http, "jobs/cancel/", prefix=prefix)


def deep(site: str, figures: dict[str, list[float]]) -> None:
    """Cancel everything of the user, request by request."""
    http, more, times = client(site, USER), True, list[float]()
    while more:
        took, answer = timed(http, "jobs/cancel/", all=True)
        times.append(took)
        more = answer["more"]
    keep_all(figures, requests=len(times), longest=max(times), total=sum(times))


def keep_all(figures: dict[str, list[float]], **values: float) -> None:
    """Append the values to the figures of these names."""
    for name, value in values.items():
        figures.setdefault(name, []).append(round(value, 3))


def fill_with_password(users: int, waiting: int) -> list[Any]:
    """Fill the queue, give all users a password, and return the owners."""
    from django.contrib.auth import get_user_model
    from django.contrib.auth.hashers import make_password
    from django.db import connections

    from queueapp.models import Owner

    fill(users, waiting)
    get_user_model().objects.update(password=make_password(PASSWORD))
    owners = list(Owner.objects.all())
    connections.close_all()
    return owners


def report(figures: dict[str, list[float]], depth: int, facts: str) -> str:
    """Return the tables as text."""
    rows = [
        [f"{what} {MANY:,}", *(middle(figures[f"{beside} {what}"]) for beside in ("quiet", "beside claims")), f"{AIM}"]
        for what in ("cancel", "retry")
    ]
    beside = [[what, middle(figures[what], 0)] for what in ("claims before", "claims meanwhile", "longest look")]
    last = [[f"cancel {depth:,}", *(middle(figures[what], 1) for what in ("requests", "longest", "total"))]]
    return "\n\n".join([
        facts,
        table(["seconds", "quiet", "beside claims", "aim"], rows),
        table(["beside each other: jobs a second, and ms of GET queue/ of the same user", ""], beside),
        table(["all of one user's", "requests", "longest s", "in all s"], last),
    ])  # fmt: skip


def main() -> None:
    """Run all rounds, then the deep case, and write the report."""
    parser = argparse.ArgumentParser(prog="bench.cancel", description="Many jobs cancelled or retried by one request.")
    parser.add_argument("--rounds", type=int, default=3, help="rounds, quiet and beside claims by turns (3)")
    parser.add_argument("--deep", type=int, default=1_000_000, help="jobs of one user that are cancelled (1000000)")
    options = parser.parse_args()
    figures: dict[str, list[float]] = {}
    with own_database(NAME) as (server, url):
        feed, load = fill_with_password(1_000, 100_000)[1:], os.getloadavg()[0]
        with Crew(DATABASE_URL=url) as crew:
            site = serve(crew)
            for number, quiet in in_turn([True, False], options.rounds):
                with nullcontext() if quiet else Claimers(feed, DECLARED) as claimers:
                    one_round(site, f"{number}-{quiet}", figures, claimers)
            fill_with_password(1, options.deep)
            deep(site, figures)
        facts = (
            f"{options.rounds} rounds, medians (least-most); 100,000 jobs of 1,000 users wait; PostgreSQL "
            f"{server.version()}, {os.cpu_count()} cores, load average {load:.1f} before and {os.getloadavg()[0]:.1f} "
            "after"
        )
    text = report(figures, options.deep, facts)
    print(text)
    keep("cancel", text, figures)


if __name__ == "__main__":
    main()
