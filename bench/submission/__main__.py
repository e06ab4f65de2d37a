"""python -m bench.submission: what it costs to submit over HTTP, and what submitting and claiming cost each other.

`POST jobs/` beside the leanest view of the same server that stores something; `POST jobs/bulk/` in jobs a second; then
claimers (bench/claiming.py) beside either. Every request has a token, and every submission is
committed synchronously before it is answered. Writes bench/results/submission.txt and .json.
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
"""For allowances and quotas: no limit would leave out what it costs to look at them."""
BULK = 10_000
SLICE = 1.0
"""Seconds. What is compared is measured by turns, so that a noisy moment of the machine does not hit the one alone."""


class FlowState:
    """What came of the slices of one measurement."""

    def __init__(self) -> None:
        self.seconds, self.cpu, self.claims, self.times = 0.0, 0.0, 0.0, list[float]()
        self.seen = Counter[tuple[str, bool]]()

    @property
    def rate(self) -> float:
        """Requests a second."""
        return len(self.times) / self.seconds


class Bench:
    """The site, its clients, and what was measured."""

    def __init__(self, url: str, site: str, web: int, seconds: float) -> None:
        self.url, self.web = url, [psutil.Process(web)]
        self.slices, self.figures = max(round(seconds / SLICE), 1), dict[str, list[float]]()
        self.clients = [client(site, f"user-{n + 1}") for n in range(CLIENTS)]

    def keep(self, **values: float) -> None:
        """Add to the figures of these names."""
        for name, value in values.items():
            self.figures.setdefault(name, []).append(round(value, 4))

    def by_turns(self, *what: str) -> Iterator[tuple[str, FlowState]]:
        """Each of these with its tally, slice by slice, to and fro; what came of them is with the last."""
        tallies = {name: FlowState() for name in what}
        for number in range(self.slices):
            yield from list(tallies.items())[:: -1 if number % 2 else 1]

    def slice(self, address: str, tally: FlowState, clients: int, claimers: Claimers | None = None) -> None:
        """Measure for a slice: those who submit, if there is an address, and claimers, if there are any."""
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
        """Requests a second, their time, and the web server's CPU for each, with one client, then with all."""
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
        """Jobs a second by one client."""
        jobs = [{"job_id": f"job-{next(numbers)}", "duration": DECLARED, "task": "bench.nothing"} for _ in range(BULK)]
        begun = time.monotonic()
        answer = self.clients[0].post("jobs/bulk/", json={"jobs": jobs})
        took = time.monotonic() - begun
        assert answer.json()["accepted"] == BULK, answer.text[:200]
        self.keep(bulk=BULK / took)

    def together(self) -> None:
        """Claimers alone, beside those who submit jobs, and beside those who only store something."""
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
    """Run every part in every round, and write."""
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
