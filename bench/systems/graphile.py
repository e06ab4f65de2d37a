"""graphile-worker, a peer in Node, in three settings. Its packages come from npm: bench/graphile/."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import psycopg

from bench.harness import Crew
from bench.systems.system import System
from jobsite import local

SOURCE = local.BASE / "bench" / "graphile"
BATCH = 50_000
"""Jobs that one statement adds."""
DEFAULT: dict[str, Any] = {"concurrentJobs": 1}
ADVICE: dict[str, Any] = {
    "concurrentJobs": 10, "localQueue": {"size": 11}, "completeJobBatchDelay": 250, "failJobBatchDelay": 250,
}  # fmt: skip
"""As its documentation advises to begin with: a queue of one job more than run at once, and a quarter of a second."""
RECORD: dict[str, Any] = {
    "concurrentJobs": 24, "localQueue": {"size": 500, "refetchDelay": {"durationMs": 10}},
    "completeJobBatchDelay": 0, "failJobBatchDelay": 0,
}  # fmt: skip
"""As in its documentation's own benchmark."""


class Graphile(System):
    """graphile-worker. Its jobs leave the table when they have ended, and it keeps no results."""

    needs = ("graphile-worker",)

    def missing(self) -> list[str]:
        """Return what is missing: its packages, if npm's registry cannot be reached."""
        return [] if installed() else ["graphile-worker"]

    def install(self) -> None:
        """Make its schema."""
        environment = os.environ | {"DATABASE_URL": self.url}
        subprocess.run([node(), str(_script()), "migrate"], env=environment, check=True, timeout=60)

    def submit(self) -> None:
        """Add all jobs, BATCH at a time, then ANALYZE."""
        jobs = sum(self.load.jobs.values())
        with psycopg.connect(self.url, autocommit=True) as connection:
            for start in range(0, jobs, BATCH):
                connection.execute(
                    "SELECT count(*) FROM graphile_worker.add_jobs(ARRAY(SELECT json_populate_record("
                    'null::graphile_worker.job_spec, \'{"identifier": "nothing", "payload": {}}\'::json)'
                    " FROM generate_series(1, %s)))",
                    [min(BATCH, jobs - start)],
                )
            connection.execute("ANALYZE")

    def start_workers(self, crew: Crew, settings: dict[str, Any]) -> None:
        """Start a worker process per processor with these settings."""
        command = "import os, sys; os.execv(sys.argv[1], sys.argv[1:])"
        crew.start_together(self.processors, "-c", command, node(), str(_script()), "work", json.dumps(settings))


def node() -> str:
    """Return the path of node: that of the virtual environment first."""
    return shutil.which("node", path=f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}") or "node"


@cache
def installed() -> Path | None:
    """Install its packages, if they are not there, and return the folder. None: they cannot be had."""
    command = ["sh", str(local.BASE / "tools" / "node" / "packages.sh"), str(SOURCE.relative_to(local.BASE))]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    return Path(done.stdout.strip()) if done.returncode == 0 else None


def _script() -> Path:
    """Return the script beside its packages, where node finds them."""
    folder = installed()
    assert folder is not None
    return Path(shutil.copy(SOURCE / "worker.mjs", folder))
