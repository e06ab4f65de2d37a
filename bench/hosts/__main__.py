"""python -m bench.hosts: a site of several hosts, and what it does when hosts, networks and clocks fail.

A database, two web hosts behind nginx (deploy/nginx) and three worker hosts, in network namespaces that it makes and
removes. Users submit, look and listen throughout. Needs root, iproute2, nginx, gcc and openssl. Exit code 1 if a
promise is broken. Writes bench/results/hosts.txt.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from pathlib import Path

from bench.harness import keep, table
from bench.hosts.faults import FAULTS
from bench.hosts.fleet import Fleet
from bench.hosts.network import missing
from bench.hosts.run import USERS, Result, run
from bench.hosts.spread import spread
from jobsite import local


def row(result: Result) -> list[str]:
    """Return a fault's row of the table."""
    verdict = "; ".join(result.broken) or "kept"
    times = f"{result.answered:.1f}", f"{result.alive:.1f}", f"{result.longest:.1f}"
    return [result.name, str(result.fewest), str(result.lost), *times, str(result.errors), verdict]


def main() -> int:
    """Print and write the results, and return the exit code."""
    options = _options()
    if said := missing():
        print(said)
        return 0
    folder = local.var_folder() / "hosts"
    results, broken = run(folder, options.faults or list(FAULTS), lambda text: print(text, file=sys.stderr, flush=True))
    heads = [
        "fault",
        "fewest alive",
        "attempts lost",
        "answers again, s",
        "all processors, s",
        "longest request, s",
        "errors",
        "verdict",
    ]
    lines = [table(heads, [row(result) for result in results])]
    lines += [f"BROKEN: {what}" for what in broken] or ["Every promise was kept: nothing lost, nothing settled twice."]
    if options.rounds:
        lines += ["", _spread(folder, options.rounds)]
    text = "\n".join(lines)
    print(text)
    keep("hosts", text)
    return 1 if broken or any(result.broken for result in results) else 0


def _spread(folder: Path, rounds: int) -> str:
    fleet = Fleet(folder)
    try:
        fleet.start(USERS)
        found = spread(fleet, rounds)
    finally:
        fleet.close()
    one = statistics.median(found[1])
    rows = [
        [str(hosts), f"{statistics.median(rates):.1f}", f"{statistics.median(rates) / one:.2f}",
         " ".join(f"{rate:.1f}" for rate in rates)]
        for hosts, rates in found.items()
    ]  # fmt: skip
    return table(["hosts, six processors together", "jobs/s, median", "of one host", "rounds"], rows)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="of the comparison of one, two and three hosts; 0: none")
    parser.add_argument("faults", nargs="*", metavar="FAULT", help=f"left out: all. {', '.join(FAULTS)}")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
