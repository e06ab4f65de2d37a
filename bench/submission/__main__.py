"""python -m bench.submission: the cost of submissions over HTTP, and how submissions and claims slow each other down.

Compares `POST jobs/` with the leanest view of the same server that stores something. Measures `POST jobs/bulk/` in jobs
per second. Then runs claimers (bench/claiming.py) beside either single view. Every request has a token. The server
commits every submission synchronously before it answers. Writes bench/results/submission.txt and .json.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import nullcontext

import psutil
import psycopg

from bench.claiming import CLAIMERS, Claimers
from bench.filling import DECLARED, fill
from bench.harness import Crew, in_turn, keep, own_database
from bench.serving import PASSWORD, client, serve
from bench.submission.clients import Submitters, numbers
from bench.submission.report import ADDRESSES, CLIENTS, report
from bench.submission.waits import Waits, part
from bench.throughput.meter import cpu_seconds

NAME = "turnabout_bench_submission"
ENOUGH = "1000000000"
"""For rate limits and quotas. Without limits, the cost of checking them would be missing."""
BULK = 10_000
SLICE = 1.0
"""Seconds. The cases are measured alternately in slices, so that noise does not hit one of them only."""


class FlowState:
    """The sums over the slices of one measurement.

    `seconds`: of measuring; `cpu`: seconds of the web process; `claims`: sum of the rates; `times`: ms of each request;
    `seen`: as of Waits.
    """

    def __init__(self) -> None:
        self.seconds, self.cpu, self.claims, self.times = 0.0, 0.0, 0.0, list[float]()
        self.seen = Counter[tuple[str, bool]]()

    @property
    def rate(self) -> float:
        """Requests per second."""
        return len(self.times) / self.seconds


class Bench:
    """The site, its clients, and the figures measured."""

    def __init__(self, url: str, site: str, web: int, seconds: float) -> None:
        self.url, self.web = url, [psutil.Process(web)]
        self.slices, self.figures = max(round(seconds / SLICE), 1), dict[str, list[float]]()
        self.clients = [client(site, f"user-{n + 1}") for n in range(CLIENTS)]

    def keep(self, **values: float) -> None:
        """Append the values to the figures of these names."""
        for name, value in values.items():
            self.figures.setdefault(name, []).append(round(value, 4))

    def by_turns(self, *what: str) -> Iterator[tuple[str, FlowState]]:
        """Yield each name with its tally, once per slice, in alternating order. A tally sums over all its slices."""
        tallies = {name: FlowState() for name in what}
        for number in range(self.slices):
            yield from list(tallies.items())[:: -1 if number % 2 else 1]

    def slice(self, address: str, tally: FlowState, clients: int, claimers: Claimers | None = None) -> None:
        """Measure for one slice: submitters, if there is an address, and claimers, if there are any."""
        with Submitters(self.clients[:clients], f"{address}/") if address else nullcontext() as submitters:
            since, used = time.monotonic(), cpu_seconds(self.web)
            if claimers is None:
                time.sleep(SLICE)
            else:
                with Waits(self.url, tally.seen):
                    tally.claims += claimers.rate(SLICE)
            tally.times += submitters.since(since) if submitters else []
            tally.seconds += time.monotonic() - since
            tally.cpu += cpu_seconds(self.web) - used

    def one_by_one(self) -> None:
        """Measure requests per second, ms and CPU ms per request, with one client, then with all."""
        for clients in (1, CLIENTS):
            tallies = dict[str, FlowState]()
            for address, tally in self.by_turns(*ADDRESSES):
                self.slice(address, tally, clients)
                tallies[address] = tally
            for address, tally in tallies.items():
                what, cpu = f"{address} {clients}", tally.cpu / len(tally.times) * 1000
                self.keep(**{f"{what} rate": tally.rate, f"{what} cpu": cpu})
                self.keep(**{f"{what} ms": statistics.median(tally.times)})

    def bulk(self) -> None:
        """Measure the jobs per second of one client that submits in bulk."""
        jobs = [{"job_id": f"job-{next(numbers)}", "duration": DECLARED, "task": "bench.nothing"} for _ in range(BULK)]
        begun = time.monotonic()
        answer = self.clients[0].post("jobs/bulk/", json={"jobs": jobs})
        took = time.monotonic() - begun
        assert answer.json()["accepted"] == BULK, answer.text[:200]
        self.keep(bulk=BULK / took)

    def together(self) -> None:
        """Measure claimers alone, beside `POST jobs/`, and beside the lean view."""
        tallies = dict[str, FlowState]()
        with Claimers() as claimers:
            claimers.rate(SLICE)
            for address, tally in self.by_turns("", *ADDRESSES):
                self.slice(address, tally, CLIENTS, claimers)
                tallies[address] = tally
        for address, tally in tallies.items():
            beside = f"beside {address or 'nobody'}"
            self.keep(
                **{f"claims {beside}": tally.claims / self.slices, f"turns wait {beside}": part(tally.seen, "turns")}
            )
            if address:
                self.keep(**{f"{address} beside claims": tally.rate})
        self.keep(submissions_wait=part(tallies["jobs"].seen, "submissions"))


def main() -> None:
    """Run every part in every round, and write the report."""
    options = _options()
    with own_database(NAME) as (server, url):
        from django.contrib.auth import get_user_model
        from django.contrib.auth.hashers import make_password

        fill(100, 200_000)
        get_user_model().objects.update(password=make_password(PASSWORD))
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(
                "CREATE TABLE bench_lean (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, owner bigint,"
                " job_id text, duration double precision, payload jsonb, UNIQUE (owner, job_id))"
            )
        load = os.getloadavg()[0]
        environment = {"SUBMISSIONS_PER_MINUTE": ENOUGH, "REQUESTS_PER_MINUTE": ENOUGH, "MAX_WAITING_JOBS": ENOUGH}
        environment |= {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "bench.submission.settings"}
        with Crew(**environment) as crew:
            site = serve(crew)
            bench = Bench(url, site, crew.pids()[0], options.seconds)
            parts: list[Callable[[], None]] = [bench.one_by_one, bench.bulk, bench.together]
            for _, part in in_turn(parts, options.rounds):
                part()
        facts = (
            f"Submission over HTTP, {options.rounds} rounds, medians (least-most); one web process, {CLIENTS} clients, "
            f"{CLAIMERS} claimers\nPostgreSQL {server.version()}, {os.cpu_count()} cores, load average {load:.1f} "
            f"before and {os.getloadavg()[0]:.1f} after"
        )
    text = report(bench.figures, facts)
    print(text)
    keep("submission", text, bench.figures)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.submission", description="What it costs to submit over HTTP.")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of all parts in turn (3)")
    parser.add_argument("--seconds", type=float, default=4.0, help="of each measurement (4)")
    return parser.parse_args()


if __name__ == "__main__":
    main()
