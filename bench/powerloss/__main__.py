"""Lose power at random moments under load, and check that nothing acknowledged is missing: python -m bench.powerloss

A library preloaded into PostgreSQL (shadow.c, compiled with gcc) keeps a copy of every file as of its last fsync. At
random moments the bench saves that copy. In every other one, each page that was written since is there or not, at
random. A server recovers from each copy. All jobs acknowledged and all completions told before must be there, and the
audit must be clean. Exit code 1 if anything is missing. --without-waiting is the counter-check: commits do not wait
for the disk, and the bench must report missing jobs.
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
    """Run the bench and return the exit code."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the clean-up runs
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
    # Not below var/: the server's own user must reach the folder, and the path of its socket must be short.
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
