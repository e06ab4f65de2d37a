"""Lose power at random moments under load, and look for what was acknowledged: python -m bench.powerloss

A library that PostgreSQL is started with (shadow.c, compiled with gcc) keeps a copy of every file as of its last fsync.
At random moments that copy is kept: alone, or with each page that was written since there or not, at random. A server
recovers from it; every job acknowledged and every completion told before must be there, and the audit be clean.
Exit code 1 where anything is missing. --without-waiting is the counter-check: commits do not wait for the disk then,
and the bench must say that jobs are missing.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from bench.powerloss.run import Plan, run

SHOWN = 10


def main() -> int:
    """The exit code."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # by way of the clean-up
    least = Plan()
    parser = argparse.ArgumentParser(prog="bench.powerloss", description="The power is lost under load.")
    parser.add_argument("--jobs", type=int, default=least.jobs)
    parser.add_argument("--users", type=int, default=least.users)
    parser.add_argument("--seconds", type=float, default=least.seconds, help="of load")
    parser.add_argument("--losses", type=int, default=least.losses)
    parser.add_argument("--seed", type=int, default=least.seed)
    parser.add_argument("--without-waiting", action="store_false", dest="waits", help="the counter-check")
    options = parser.parse_args()
    if shutil.which("gcc") is None:
        parser.error("gcc is needed")
    # Not below var/: the server's own user must reach it, and its socket's path must be short.
    folder = Path(tempfile.mkdtemp(prefix="powerloss-"))
    try:
        missing = run(Plan(**vars(options)), folder, lambda text: print(text, flush=True))
    finally:
        shutil.rmtree(folder)
    for what in missing[:SHOWN]:
        print(f"BROKEN: {what}")
    print(f"{len(missing):,} things were missing." if missing else "Nothing was missing.")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
