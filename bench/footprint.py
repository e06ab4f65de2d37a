"""python -m bench.footprint: what processors cost: memory, connections and CPU, idle and with a job each.

For each number of processors a cluster starts, and is looked at once it has been idle for a while. Then every processor
gets a job of 10 s at the same moment. Writes bench/results/footprint.txt and .json.
"""

from __future__ import annotations

import argparse
import time
from contextlib import suppress
from typing import Any

import psutil

from bench.harness import Crew, Server, keep, open_server, table, use_database

IDLE_SECONDS = 20.0
JOB_SECONDS = 10.0
START_LIMIT = 120.0
NAME = "turnabout_bench_footprint"


def family(pid: int) -> list[psutil.Process]:
    """Return the processes of a cluster."""
    return [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]


def memory(processes: list[psutil.Process]) -> float:
    """Return the memory of these processes in MB: PSS, which counts shared pages once."""
    total = 0
    for process in processes:
        with suppress(psutil.Error):
            total += process.memory_full_info().pss
    return total / 1e6


def cpu(processes: list[psutil.Process]) -> float:
    """Return the CPU seconds that these processes have used."""
    total = 0.0
    for process in processes:
        with suppress(psutil.Error):
            times = process.cpu_times()
            total += times.user + times.system
    return total


def scalar(statement: str) -> int:
    """Return the number that a statement of one row and column returns."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(statement)
        return int(cursor.fetchone()[0])


def connections() -> int:
    """Return the connections of the database, without ours."""
    return scalar(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        " AND backend_type = 'client backend'"
    )


def close() -> None:
    """Close this process's connections, before the database is made anew."""
    from django.db import connections

    connections.close_all()


def measure(server: Server, processors: int) -> dict[str, float]:
    """Return the figures of a cluster of so many processors."""
    use_database(server.fresh(NAME))
    from queueapp.lifecycle.submit import submit
    from queueapp.lifecycle.validation import Submission
    from queueapp.models import Outcome, Owner, Processor

    owners = [Owner.objects.create(key=f"owner-{n}") for n in range(4)]
    with Crew(PROCESSORS=str(processors)) as crew:
        began = time.monotonic()
        crew.start("manage.py", "processors")
        crew.wait(lambda: Processor.objects.count() >= processors, START_LIMIT)
        figures: dict[str, float] = {"start s": time.monotonic() - began}
        time.sleep(IDLE_SECONDS)
        [pid] = crew.pids()
        kin = family(pid)
        used, at, most = cpu(kin), time.monotonic(), 0
        while time.monotonic() < at + IDLE_SECONDS:
            most = max(most, connections())
            time.sleep(0.2)
        figures |= {
            "idle connections": most, "idle MB": memory(kin),
            "idle CPU %": 100 * (cpu(kin) - used) / (time.monotonic() - at),
        }  # fmt: skip
        at, most = time.monotonic(), 0
        for n in range(processors):
            submit(owners[n % 4], [Submission(job_id=f"job-{n}", duration=JOB_SECONDS)])
        submitted, peak, used = time.monotonic(), 0.0, cpu(family(pid))
        while Outcome.objects.count() < processors and time.monotonic() < at + START_LIMIT:
            most = max(most, connections())
            if not peak and Processor.objects.filter(job__isnull=False).count() == processors:
                figures["all at work s"] = time.monotonic() - submitted
                peak = memory(family(pid))
            time.sleep(0.2)
        figures |= {
            "busy connections": most, "busy MB": peak,
            "busy CPU %": 100 * (cpu(family(pid)) - used) / (time.monotonic() - submitted),
            "succeeded": Outcome.objects.filter(status="succeeded").count(),
            "attempts lost": scalar("SELECT coalesce(sum(attempt - 1), 0) FROM queueapp_outcome"),
        }  # fmt: skip
    return figures


def main() -> int:
    """Print and write the table, and return the exit code: 1 if a job was lost or lost an attempt."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("processors", nargs="*", type=int, default=[4, 32, 256])
    options = parser.parse_args()
    server = open_server()
    found: dict[int, dict[str, float]] = {}
    try:
        for processors in options.processors:
            found[processors] = measure(server, processors)
            print(processors, found[processors], flush=True)
            close()
    finally:
        server.drop(NAME)
    heads = list(dict.fromkeys(head for its in found.values() for head in its))
    rows = [[str(many), *(f"{its.get(head, float('nan')):,.1f}" for head in heads)] for many, its in found.items()]
    text = table(["processors", *heads], rows)
    print(text)
    kept: dict[str, Any] = {str(many): its for many, its in found.items()}
    keep("footprint", text, kept)
    return 0 if all(its["succeeded"] == many and not its["attempts lost"] for many, its in found.items()) else 1


if __name__ == "__main__":
    raise SystemExit(main())
