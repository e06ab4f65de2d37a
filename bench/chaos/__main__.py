"""Inject faults under load and check that every guarantee holds: python -m bench.chaos [--jobs 10000]

50 users submit over HTTP and follow their event streams. The run has a real web server, real clusters, and its own
PostgreSQL server under var/chaos. Prints the figures and the broken guarantees. Exit code 1 if there are any.
"""

from __future__ import annotations

import argparse
import sys

from bench.chaos.run import Plan, run
from jobsite import local


def main() -> int:
    """Run the bench and return the exit code."""
    least = Plan()
    parser = argparse.ArgumentParser(prog="bench.chaos", description="Faults of every kind under load.")
    parser.add_argument("--jobs", type=int, default=least.jobs)
    parser.add_argument("--users", type=int, default=least.users)
    parser.add_argument("--seconds", type=float, default=least.seconds, help="of submissions and faults")
    parser.add_argument("--seed", type=int, default=least.seed)
    options = parser.parse_args()
    folder = local.var_folder() / "chaos"
    proof = run(Plan(**vars(options)), folder, say=lambda text: print(text, flush=True))
    for what, many in proof.figures.items():
        print(f"{what + ':':<40} {many}")
    for what in proof.broken:
        print(f"BROKEN: {what}")
    print("A promise was broken." if proof.broken else "Every promise was kept.")
    return 1 if proof.broken else 0


if __name__ == "__main__":
    sys.exit(main())
