"""python -m bench.throughput: jobs per second and their cost, beside peers and the bare database, on one server.

Prints the table, and writes it to bench/results/throughput.txt and .json. `--name` changes the files' name, as does
`--open`.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from itertools import product
from textwrap import fill

from bench.harness import RESULTS, in_turn, keep, middle, open_server, table
from bench.throughput.contenders import DECLARED, USERS, Contender, contenders
from bench.throughput.run import Run, run

RECORD = {1: "graphile", 10: "graphile-advice", 100: "graphile-record"}
"""The setting of graphile-worker that takes about as many jobs at once, by jobs per turn."""
NOT_ALIKE = [
    "Turnabout keeps owners, names, outcomes and time spent, and takes turns between flows; it runs plain functions "
    "in django-q2's worker processes. pgqueuer and procrastinate run asyncio functions, pgqueuer a batch at once.",
    "Claims and results are committed asynchronously by Turnabout, pgqueuer, procrastinate and the bare SQL marked "
    "async; synchronously by django-tasks-db, django-q2 and the bare SQL marked sync.",
    "pgqueuer, procrastinate and the bare SQL had ANALYZE after submission; the others did without.",
    "graphile-worker runs functions of Node and keeps no results. In all settings but its default a process has many "
    "jobs in hand at once, and locks up to hundreds in memory; those of a process that died wait for hours.",
    "So that all work for seconds, a run with turns of one job has a quarter of the jobs, one with turns of a hundred "
    "four times as many, the bare SQL three times as many again; procrastinate, django-tasks-db and django-q2, whose "
    "rates are far lower, get a twenty-fifth.",
    "The bare SQL's processors are Python with psycopg, as all others', and have a job in hand between taking and "
    "ending it; pgbench's are C, and end a job as they take it.",
    "The bare SQL, told to use its indexes (as Turnabout's claim is), has one table, no name, no result, no order "
    "between users, and no job function.",
    "Rates are those from the first look that sees a job done to the last that does not see all done. Looking, a "
    "count in a table, takes up to 5 % of the time.",
]


def main() -> int:
    """Run every contender in every round, and return the exit code."""
    options = _options()
    wanted = options.systems.split(",") if options.systems else None
    chosen = [system for system in contenders() if wanted is None or system.key in wanted]
    for system in [system for system in chosen if system.missing()]:
        print(f"Left out: {system.title} (pip install -r requirements-bench.txt)", file=sys.stderr)
        chosen.remove(system)
    server = open_server()
    counts = [int(many) for many in options.processors.split(",")]
    cases = [(many, system) for many in counts for system in chosen]
    runs: list[Run] = []
    for number, (many, system) in in_turn(cases, options.rounds):
        runs.append(run(server, system, many, number, options.jobs, options.limit, beside=options.open))
        print(f"round {number}  {many}  {system.title:<32} {runs[-1].rate:10,.0f}/s", file=sys.stderr, flush=True)
        facts = f"{options.jobs:,} jobs, {options.rounds} rounds, PostgreSQL {server.version()}"
        _write(runs, chosen, counts, f"beside an open transaction, {facts}" if options.open else facts, options.name)
    print((RESULTS / f"{options.name}.txt").read_text())
    return 0


def _write(runs: Sequence[Run], chosen: Sequence[Contender], counts: Sequence[int], facts: str, name: str) -> None:
    loads = [one.load for one in runs]
    parts = [f"Throughput: {facts}; load average before a run {min(loads):.1f} to {max(loads):.1f}"]
    for many in counts:
        of_many = [one for one in runs if one.processors == many]
        parts += [f"\n{many} processors: medians (least-most)", _table(of_many, chosen), *_aims(of_many)]
    parts += ["\nHow each is set up", *(_item(f"{system.title}. {system.settings}") for system in chosen)]
    parts += ["\nNot like for like", *map(_item, NOT_ALIKE)]
    cut = [f"- {one.key}, {one.processors} processors, round {one.round}: cut off" for one in runs if not one.complete]
    parts += ["\nBeware", *cut] if cut else []
    keep(name, "\n".join(parts), {"facts": facts, "runs": list(map(asdict, runs))})


def _table(runs: Sequence[Run], chosen: Sequence[Contender]) -> str:
    columns: list[tuple[str, Callable[[Run], float], int]] = [
        ("jobs/s", lambda one: one.rate, 0),
        ("CPU s/1,000", lambda one: one.cpu, 3),
        ("idle CPU %", lambda one: one.idle_cpu * 100, 1),
        ("memory MB", lambda one: one.memory, 0),
        ("WAL B/job", lambda one: one.written.wal, 0),
        ("commits/job", lambda one: one.written.commits, 2),
        ("dead tuples/job", lambda one: one.written.dead, 2),
    ]
    rows = []
    for system in chosen:
        if its := [one for one in runs if one.key == system.key]:
            rows.append([system.title, *(middle([value(one) for one in its], digits) for _, value, digits in columns)])
    return table(["", *(head for head, _, _ in columns)], rows)


def _aims(runs: Sequence[Run]) -> list[str]:
    """Return the ratios to other systems within each round, and the CPU cost, each with whether it meets its aim."""
    lines = []
    for users, turn in product(USERS, DECLARED):
        ours = f"turnabout-{turn}-{users}u"
        for other, aim in (
            ("pgqueuer", 1.2),
            (RECORD[turn], 1.0),
            (f"bare-async-{turn}", 0.5),
            (f"pgbench-{turn}", 0.5),
        ):
            if ratios := _ratios(runs, ours, other):
                reached = "reached" if statistics.median(ratios) >= aim else "not reached"
                lines.append(f"{ours} / {other}: {middle(ratios)}; at least {aim}: {reached}")
        if costs := [one.cpu for one in runs if one.key == ours]:
            reached = "reached" if statistics.median(costs) <= 0.13 else "not reached"
            lines.append(f"{ours}: {middle(costs, 3)} CPU s per 1,000 jobs; at most 0.13: {reached}")
    return lines


def _ratios(runs: Sequence[Run], one: str, other: str) -> list[float]:
    rates = {(run.key, run.round): run.rate for run in runs if run.complete}
    rounds = sorted({run.round for run in runs})
    return [rates[one, n] / rates[other, n] for n in rounds if (one, n) in rates and (other, n) in rates]


def _item(text: str) -> str:
    return fill(text, 118, initial_indent="- ", subsequent_indent="  ")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.throughput", description="Jobs a second, and what they cost.")
    parser.add_argument("--jobs", type=int, default=50_000, help="that wait when the work begins (50000)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of all systems in turn (3)")
    parser.add_argument("--processors", default="2,4", help="how many, joined by commas (2,4)")
    parser.add_argument("--limit", type=float, default=60.0, help="seconds after which a run is cut off (60)")
    parser.add_argument("--systems", help="only these, joined by commas: " + ", ".join(s.key for s in contenders()))
    parser.add_argument("--name", help="of the results in bench/results (throughput)")
    parser.add_argument("--open", action="store_true", help="beside a transaction elsewhere that stays open")
    options = parser.parse_args()
    options.name = options.name or ("throughput-open" if options.open else "throughput")
    return options


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
