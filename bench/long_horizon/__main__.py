"""python -m bench.long_horizon: this project in the public harness hardbyte/postgresql-job-queue-benchmarking.

Speaks the protocol of the harness's CONTRIBUTING_ADAPTERS.md: settings by environment variables, samples as lines of
JSON on standard output. It migrates the database at DATABASE_URL, starts a cluster of WORKER_COUNT processors, and
submits jobs until SIGTERM.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from importlib.metadata import version
from typing import TYPE_CHECKING

import psycopg

from bench.harness import Crew, use_database
from bench.long_horizon.producer import Load, Producer, rate_from
from bench.long_horizon.samples import SYSTEM, Sampler, emit, instance, now

if TYPE_CHECKING:
    from queueapp.models import Owner

MIGRATING = 7_317_001
"""The advisory lock under which one of several adapters migrates the database."""
TABLES = ["waiting", "job", "outcome", "processor", "flowstate"]


def main() -> int:
    """Run until SIGTERM, and return the exit code."""
    if (scenario := os.environ.get("SCENARIO", "long_horizon")) != "long_horizon":
        sys.exit(f"Set SCENARIO to long_horizon: {scenario!r} is not supported.")
    url, every = os.environ["DATABASE_URL"], float(os.environ.get("SAMPLE_EVERY_S", "5"))
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    owners = _prepare(url)
    emit({
        "kind": "descriptor", "system": SYSTEM, "db_name": url.rsplit("/", 1)[-1].partition("?")[0],
        "event_tables": [f"public.queueapp_{table}" for table in TABLES], "extensions": [],
        "version": f"turnabout, Django {version('django')}", "schema_version": "0.1", "started_at": now(),
    })  # fmt: skip
    sampler = Sampler(url, every)
    producer = Producer(_load(), owners, lambda: sampler.depth, f"run-{int(time.time())}-{instance()}")
    with Crew(DATABASE_URL=url, PROCESSORS=os.environ.get("WORKER_COUNT", "4")) as crew:
        crew.start("manage.py", "processors")
        if instance() == 0 or os.environ.get("PRODUCER_ONLY_INSTANCE_ZERO", "0") in ("", "0"):
            producer.start()
        while not stopped.wait(every - time.time() % every):
            sampler.sample(producer.submitted, _rate())
        producer.stop()
    return 0


def _prepare(url: str) -> list[Owner]:
    """Migrate the database. Return the owners of the jobs: fairness keys, as many as BENCH_QUEUE_COUNT says."""
    with psycopg.connect(url, autocommit=True) as connection:
        # A session that waits in a statement would hold up CREATE INDEX CONCURRENTLY.
        while not (connection.execute("SELECT pg_try_advisory_lock(%s)", [MIGRATING]).fetchone() or (False,))[0]:
            time.sleep(0.5)
        use_database(url)
    from queueapp.models import Owner

    queues = int(os.environ.get("BENCH_QUEUE_COUNT") or 1)
    return [Owner.objects.of_key(f"queue-{number}") for number in range(queues)]


def _load() -> Load:
    by_depth = os.environ.get("PRODUCER_MODE", "fixed") == "depth-target"
    return Load(
        _rate,
        int(os.environ.get("TARGET_DEPTH", "1000")) if by_depth else None,
        float(os.environ.get("JOB_WORK_MS", "1")) / 1000,
        int(os.environ.get("JOB_PAYLOAD_BYTES", "256")),
    )


def _rate() -> float:
    return rate_from(os.environ.get("PRODUCER_RATE_CONTROL_FILE"), float(os.environ.get("PRODUCER_RATE", "800")))


if __name__ == "__main__":
    sys.exit(main())
