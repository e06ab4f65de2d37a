"""python -m bench.fairness: the same load through this project, two peers and plain order, on one PostgreSQL server.

Prints the tables. Writes them to bench/results/fairness.txt and .json, and a figure to docs/figures/fairness.svg.
bench/README.md has the requirements.
"""

from __future__ import annotations

import argparse
import math
import os
import platform
import signal
import sys
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from types import FrameType

from bench.fairness.measures import measure
from bench.fairness.plot import figure
from bench.fairness.report import Run, report
from bench.harness import Server, in_turn, keep, open_server
from bench.loads import Load, heavy_and_light, weighted
from bench.systems import all_systems
from bench.systems.system import PROCESSORS, System
from jobsite import local

FIGURE = local.BASE / "docs" / "figures" / "fairness.svg"


def main() -> int:
    """Run every case in every round, and return the exit code."""
    options = _options()
    signal.signal(signal.SIGTERM, _stop)
    names = options.systems.split(",") if options.systems else [system.key for system in all_systems()]
    systems = [system for system in all_systems() if system.key in names]
    if missing := sorted({package for system in systems for package in system.missing()}):
        print(f"Install what the benches need: pip install -r requirements-bench.txt ({', '.join(missing)} missing).")
        return 1
    server = open_server()
    loads = [heavy_and_light(options.heavy, options.light), weighted(options.each)]
    cases = [(load, system) for load in loads for system in systems if load.key in system.loads]
    runs = []
    for number, (load, system) in in_turn(cases, options.rounds):
        runs.append(_run(server, load, system, number, options))
        done = runs[-1].measures
        print(f"round {number}  {load.key:<8}  {system.title:<30}  {done.done:7.2f} s", file=sys.stderr, flush=True)
    runs.sort(key=lambda run: (run.round, cases.index((run.load, run.system))))
    _write(runs, _facts(server, options))
    return 0


def _run(server: Server, load: Load, system: System, number: int, options: argparse.Namespace) -> Run:
    system.prepare(server, load, options.seconds)
    try:
        system.submit()
        records = system.run(options.limit)
        amiss = system.amiss()
    finally:
        system.close()
    return Run(system, load, number, measure(records, load, options.seconds), records, amiss)


def _write(runs: list[Run], facts: str) -> None:
    text = report(runs, facts)
    FIGURE.parent.mkdir(parents=True, exist_ok=True)
    results = [
        {"load": run.load.key, "system": run.system.key, "round": run.round} | _finite(asdict(run.measures))
        for run in runs
    ]
    keep("fairness", text, {"facts": facts, "runs": results})
    FIGURE.write_text(figure([run for run in runs if run.round == 1]))
    print(text)


def _finite(measures: dict[str, float]) -> dict[str, float | None]:
    """Replace infinity and NaN, which JSON lacks, by None: endless, or does not apply."""
    return {name: round(value, 4) if math.isfinite(value) else None for name, value in measures.items()}


def _facts(server: Server, options: argparse.Namespace) -> str:
    packages = []
    for name in ("django-q2", "pgqueuer", "procrastinate"):
        try:
            packages.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            packages.append(f"no {name}")
    return (
        f"{PROCESSORS} processors, each job holds one for {options.seconds * 1000:g} ms; rounds: {options.rounds}\n"
        f"{', '.join(packages)}, PostgreSQL {server.version()}, Python {platform.python_version()}, "
        f"{os.cpu_count()} cores"
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.fairness", description="How even the turns are that users get.")
    parser.add_argument("--seconds", type=float, default=0.005, help="that each job holds its processor (0.005)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of all systems in turn (3)")
    parser.add_argument("--limit", type=float, default=60.0, help="seconds after which a run is cut off (60)")
    parser.add_argument("--heavy", type=int, default=10_000, help="jobs of the heavy user (10000)")
    parser.add_argument("--light", type=int, default=100, help="jobs of each light user (100)")
    parser.add_argument("--each", type=int, default=1_000, help="jobs of each user in the weighted load (1000)")
    parser.add_argument("--systems", help="only these, joined by commas: " + ", ".join(s.key for s in all_systems()))
    return parser.parse_args()


def _stop(number: int, frame: FrameType | None) -> None:
    """End the bench as Ctrl-C does, so that processes and databases are removed."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
