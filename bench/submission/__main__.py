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
from collections.abc import Callable, Sequence
from itertools import count
from threading import Event, Thread
from typing import Any

import httpx
import psutil
import psycopg

from bench.claiming import CLAIMERS, Claimers
from bench.filling import DECLARED, fill
from bench.harness import Crew, in_turn, keep, middle, own_database, table
from bench.serving import PASSWORD, client, serve
from bench.throughput.meter import cpu_seconds

NAME = "turnabout_bench_submission"
ENOUGH = "1000000000"
"""For allowances and quotas: no limit would leave out what it costs to look at them."""
CLIENTS = 4
BULK = 10_000
WARM_UP = 0.5

_numbers = count()


def single(http: httpx.Client, address: str) -> None:
    """Submit one job of a new name. Raises where it is not accepted."""
    job = {"job_id": f"job-{next(_numbers)}", "duration": DECLARED, "task": "bench.nothing", "payload": {}}
    http.post(address, json=job).raise_for_status()


class Submitters:
    """Threads with a client each, which submit single jobs without a pause; a context manager."""

    def __init__(self, clients: Sequence[httpx.Client], address: str) -> None:
        self._stop, self.times, self.failed = Event(), list[tuple[float, float]](), list[Exception]()
        self._threads = [Thread(target=self._work, args=(http, address)) for http in clients]

    def __enter__(self) -> Submitters:
        for thread in self._threads:
            thread.start()
        time.sleep(WARM_UP)
        return self

    def __exit__(self, *_: Any) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _work(self, http: httpx.Client, address: str) -> None:
        while not self._stop.is_set():
            begun = time.monotonic()
            try:
                single(http, address)
            except httpx.HTTPError as error:
                self.failed.append(error)
                return
            self.times.append((begun, time.monotonic()))

    def measured(self, since: float) -> tuple[float, float]:
        """Requests a second, and the median in ms, of those begun since a moment. Raises what a request raised."""
        if self.failed:
            raise self.failed[0]
        took = [(ended - begun) * 1000 for begun, ended in self.times.copy() if begun >= since]
        return len(took) / (time.monotonic() - since), statistics.median(took)


class Bench:
    """The site, its clients, and what was measured."""

    def __init__(self, site: str, web: int, seconds: float) -> None:
        self.web = [psutil.Process(web)]
        self.seconds, self.figures = seconds, dict[str, list[float]]()
        self.clients = [client(site, f"user-{n + 1}") for n in range(CLIENTS)]

    def keep(self, **values: float) -> None:
        """Add to the figures of these names."""
        for name, value in values.items():
            self.figures.setdefault(name, []).append(round(value, 2))

    def one_by_one(self, address: str) -> None:
        """Requests a second, their time, and the web server's CPU for each, with one client, then with all."""
        for clients in (self.clients[:1], self.clients):
            with Submitters(clients, f"{address}/") as submitters:
                since, used = time.monotonic(), cpu_seconds(self.web)
                time.sleep(self.seconds)
                rate, median = submitters.measured(since)
                cpu = (cpu_seconds(self.web) - used) / (rate * (time.monotonic() - since)) * 1000
            what = f"{address} {len(clients)}"
            self.keep(**{f"{what} rate": rate, f"{what} ms": median, f"{what} cpu": cpu})

    def bulk(self) -> None:
        """Jobs a second by one client."""
        jobs = [
            {"job_id": f"job-{next(_numbers)}", "duration": DECLARED, "task": "bench.nothing"} for _ in range(BULK)
        ]  # fmt: skip
        begun = time.monotonic()
        answer = self.clients[0].post("jobs/bulk/", json={"jobs": jobs})
        took = time.monotonic() - begun
        assert answer.json()["accepted"] == BULK, answer.text[:200]
        self.keep(bulk=BULK / took)

    def together(self) -> None:
        """Claimers alone, then beside those who submit jobs, and beside those who only store something."""
        with Claimers() as claimers:
            claimers.rate(WARM_UP)
            self.keep(claim_alone=claimers.rate(self.seconds))
            for address in ("jobs", "lean"):
                with Submitters(self.clients, f"{address}/") as submitters:
                    since = time.monotonic()
                    claimed = claimers.rate(self.seconds)
                    self.keep(**{f"claim beside {address}": claimed, f"{address} both": submitters.measured(since)[0]})


def ratios(some: Sequence[float], others: Sequence[float]) -> list[float]:
    """Round by round."""
    return [one / other for one, other in zip(some, others, strict=True)]


def report(figures: dict[str, list[float]], facts: str) -> str:
    """The tables."""
    rows = []
    for clients in (1, CLIENTS):
        rates = [figures[f"{address} {clients} rate"] for address in ("jobs", "lean")]
        times = [figures[f"{address} {clients} ms"] for address in ("jobs", "lean")]
        ratio = ratios(*rates)
        cpu = [figures[f"{address} {clients} cpu"] for address in ("jobs", "lean")]
        cells = [*(middle(its, 0) for its in rates), middle(ratio), *map(middle, times), *map(middle, cpu)]
        rows.append([f"{clients} at once", *cells])
    heads = ["", "jobs/ a second", "lean", "ratio", "jobs/ ms", "lean ms", "jobs/ CPU ms", "lean CPU ms"]
    alone = {address: figures[f"{address} {CLIENTS} rate"] for address in ("jobs", "lean")}
    left = {address: ratios(figures[f"{address} both"], its) for address, its in alone.items()}
    claims = {address: figures[f"claim beside {address}"] for address in alone}
    return "\n".join([
        facts, "", table(heads, rows), f"\nPOST jobs/bulk/: {middle(figures['bulk'], 0)} jobs a second\n",
        table(["a second", "alone", "beside the other", "left"], [
            ["POST jobs/", middle(alone["jobs"], 0), middle(figures["jobs both"], 0), middle(left["jobs"])],
            ["POST lean/", middle(alone["lean"], 0), middle(figures["lean both"], 0), middle(left["lean"])],
            ["turns, beside POST jobs/", middle(figures["claim_alone"], 0), middle(claims["jobs"], 0),
             middle(ratios(claims["jobs"], figures["claim_alone"]))],
            ["turns, beside POST lean/", middle(figures["claim_alone"], 0), middle(claims["lean"], 0),
             middle(ratios(claims["lean"], figures["claim_alone"]))],
        ]),
        f"Claims beside jobs/ : beside lean/ {middle(ratios(claims['jobs'], claims['lean']))}; what claims leave of "
        f"jobs/ : of lean/ {middle(ratios(left['jobs'], left['lean']))}; aim 0.8",
        "\nCPU ms: of the web process for each request. The clients are Python, too, and share the cores with it: what",
        "they take makes the two look more alike in requests a second than they are.",
        "The lean view checks nothing, counts nothing, finds no flow and tells nobody. It has its own table, so what",
        "it and claims lose beside each other is what they take from each other of the cores; the ratios are without.",
    ])  # fmt: skip


def main() -> None:
    """Run every part in every round, and write."""
    options = _options()
    with own_database(NAME) as (server, url):
        from django.contrib.auth.hashers import make_password

        from queueapp.models import User

        fill(100, 200_000)
        User.objects.update(password=make_password(PASSWORD))
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(
                "CREATE TABLE bench_lean (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, owner bigint,"
                " job_id text, duration double precision, payload jsonb, UNIQUE (owner, job_id))"
            )
        load = os.getloadavg()[0]
        environment = {"SUBMISSIONS_PER_MINUTE": ENOUGH, "REQUESTS_PER_MINUTE": ENOUGH, "MAX_WAITING": ENOUGH}
        environment |= {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "bench.submission.settings"}
        with Crew(**environment) as crew:
            site = serve(crew)
            bench = Bench(site, crew.pids()[0], options.seconds)
            parts: list[Callable[[], None]] = [
                lambda: bench.one_by_one("jobs"), lambda: bench.one_by_one("lean"), bench.bulk, bench.together
            ]  # fmt: skip
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
