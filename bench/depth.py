"""Whether speed depends on what waits, in how many flows, and on what has ended: python -m bench.depth [--full]

Four processes claim and settle turns by `queueapp.lifecycle.turn.take_turn` directly: no django-q2, no job function.
A fifth one submits as much as they do, so that the backlog stays as deep as it is; its work is in every figure alike.
Every turn is one job, so that turns compare. Prints turns a second over depth and width, after many finished jobs,
over a run in which autovacuum comes by, and with a transaction elsewhere that stays open; then the plans of the hot
statements and the sizes of the tables. Writes bench/results/depth.txt and .json, and docs/figures/depth.svg. Uses a
database of its own.
"""

from __future__ import annotations

import argparse
import os
import time
from itertools import product
from typing import Any

import psycopg

from bench.claiming import CLAIMERS, Claimers
from bench.depth_figure import figure
from bench.filling import DECLARED, fill
from bench.harness import keep, middle, own_database, table
from jobsite import local

NAME = "turnabout_bench_depth"
SETTLE = 1.0
"""Seconds of warm-up in each run, before rates count."""
SLICE = 5.0
FLOWS = (1, 1_000, 100_000)
LOOK_UPS = ("the next flow", "the head of its backlog", "the row of a processor")
TABLES = ("waiting", "flow", "processor", "job", "outcome")


class Bench:
    """The state that the parts of a run share: the options, and the lines and figures so far."""

    def __init__(self, options: argparse.Namespace, url: str) -> None:
        self.options, self.url = options, url
        self.lines: list[str] = []
        self.figures: dict[str, Any] = {}

    def say(self, text: str) -> None:
        """Print the text and keep it for the report."""
        print(text, flush=True)
        self.lines.append(text)

    def write(self) -> None:
        """Write the results so far, so that a part that fails loses none before it."""
        keep("depth", "\n".join(self.lines), self.figures)

    def draw(self) -> None:
        """Write the figure of docs/performance.md."""
        (local.BASE / "docs" / "figures" / "depth.svg").write_text(figure(self.figures, SLICE))

    def owners(self) -> list[Any]:
        """Return the owners that submit meanwhile, at most 1,000."""
        from queueapp.models import Owner

        return list(Owner.objects.order_by("pk")[:1_000])

    def over_depth_and_width(self) -> None:
        """Measure the rate for each depth and number of flows: medians over the slices of all rounds."""
        cases = [(depth, flows) for depth, flows in product(self.options.depths, FLOWS) if flows <= depth]
        rates: dict[tuple[int, int], list[float]] = {case: [] for case in cases}
        for number, (depth, flows) in product(range(self.options.rounds), cases):
            fill(flows, depth)
            rates[depth, flows] += self.steady(self.options.seconds, slices=3)
            print(f"round {number + 1}: {depth:,} in {flows:,}: {rates[depth, flows]}", flush=True)
        rows = [
            [f"{depth:,}", *(middle(rates[depth, flows], 0) if (depth, flows) in rates else "-" for flows in FLOWS)]
            for depth in self.options.depths
        ]
        self.say(table(["waiting", *(f"{flows:,} flows" for flows in FLOWS)], rows))
        self.figures["depth"] = {f"{depth} in {flows}": its for (depth, flows), its in rates.items()}

    def steady(self, seconds: float, slices: int) -> list[float]:
        """Return the rates of so many slices, of `seconds` in all, on the filled queue."""
        with Claimers(self.owners(), DECLARED) as claimers:
            claimers.rate(SETTLE)
            return [round(claimers.rate(seconds / slices)) for _ in range(slices)]

    def after_many_ended(self) -> None:
        """Measure the same backlog without and with finished jobs, alternately."""
        rates: dict[int, list[float]] = {}
        for _, ended in product(range(self.options.rounds), (0, self.options.ended)):
            fill(1_000, 100_000, ended)
            rates.setdefault(ended, []).extend(self.steady(self.options.seconds, slices=3))
        self.say("\nAfter finished jobs (100,000 wait in 1,000 flows)")
        self.say(table(["finished", "turns/s"], [[f"{n:,}", middle(its, 0)] for n, its in rates.items()]))
        self.figures["ended"] = rates

    def long_run(self) -> None:
        """Measure a long run in slices, without and with an open transaction that keeps dead tuples from vacuum."""
        from bench.plans import pages

        self.say(
            f"\nA long run, by slices of {SLICE:g} s, with what autovacuum did meanwhile, and the pages that three "
            "look-ups\nread at its end: the next flow, the head of its backlog, the row of a processor"
        )
        rows = []
        for flows, open_elsewhere in product((1, 1_000), (False, True)):
            fill(flows, 100_000)
            before = self.vacuums()
            with psycopg.connect(self.url) as other:
                if open_elsewhere:
                    other.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                    other.execute("SELECT count(*) FROM queueapp_flowstate")
                rates = self.steady(self.options.long, slices=max(int(self.options.long / SLICE), 4))
                read = pages()
            quarter = len(rates) // 4
            first, last = rates[:quarter], rates[-quarter:]
            what = "a transaction open" if open_elsewhere else "as it is"
            kept = sum(last) / max(sum(first), 1)
            rows.append([f"{flows:,} flows, {what}", middle(first, 0), middle(last, 0), f"{kept:.0%}",
                         str(self.vacuums() - before),
                         *(f"{read[what]:,}" for what in LOOK_UPS)])  # fmt: skip
            self.figures[f"long, {flows} flows, {what}"] = rates
        self.say(
            table(["", "first quarter", "last quarter", "left", "autovacuums", "flow", "backlog", "processor"], rows)
        )

    def vacuums(self) -> int:
        """Return the number of autovacuum runs on TABLES so far."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            row = connection.execute(
                "SELECT sum(autovacuum_count) FROM pg_stat_user_tables WHERE relname = ANY (%s)",
                [[f"queueapp_{name}" for name in TABLES]],
            ).fetchone()
            return int(row[0]) if row else 0

    def plans_and_sizes(self) -> None:
        """Report plans, table sizes and the audit, with the deepest backlog and the finished jobs, in 1,000 flows."""
        from bench.plans import plans
        from queueapp.snapshots.audit import audit

        deepest = max(self.options.depths)
        fill(1_000, deepest, self.options.ended)
        amiss = audit()
        self.steady(SLICE, slices=1)
        self.say(f"\nPlans, {deepest:,} waiting in 1,000 flows and {self.options.ended:,} finished")
        self.say(plans())
        self.say(f"\nThe filled tables agree (manage.py audit): {'; '.join(map(str, amiss)) or 'yes'}")
        with psycopg.connect(self.url, autocommit=True) as connection:
            query = "SELECT pg_table_size(%s::regclass), pg_indexes_size(%s::regclass)"
            sizes = [connection.execute(query, [f"queueapp_{name}"] * 2).fetchone() or (0, 0) for name in TABLES]
        rows = [[name, *(f"{size / 2**20:,.1f}" for size in its)] for name, its in zip(TABLES, sizes, strict=True)]
        self.say("\n" + table(["table", "rows, MB", "indexes, MB"], rows))


def main() -> None:
    """Run every part, write the results, and draw the figure."""
    options = _options()
    with own_database(NAME) as (server, url):
        bench, begun = Bench(options, url), time.monotonic()
        bench.say(
            f"Depth and width: turns of one job a second, medians (least-most) of slices in {options.rounds} rounds\n"
            f"{CLAIMERS} claimers and a submitter that makes up for what they take; PostgreSQL {server.version()}, "
            f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f}\n"
        )
        for part in (bench.over_depth_and_width, bench.after_many_ended, bench.long_run, bench.plans_and_sizes):
            part()
            bench.write()
        bench.say(f"\n{time.monotonic() - begun:.0f} s in all; load average at the end {os.getloadavg()[0]:.1f}")
        bench.write()
        bench.draw()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.depth", description=__doc__.split("\n")[0])
    parser.add_argument("--full", action="store_true", help="up to 3,000,000 waiting and finished jobs")
    parser.add_argument("--rounds", type=int, default=2, help="rounds of all cases (2)")
    parser.add_argument("--seconds", type=float, default=3.0, help="of each case (3)")
    parser.add_argument("--long", type=float, default=60.0, help="seconds of each long run (60)")
    options = parser.parse_args()
    options.depths = (1_000, 100_000, 3_000_000 if options.full else 300_000)
    options.ended = 3_000_000 if options.full else 300_000
    return options


if __name__ == "__main__":
    main()
