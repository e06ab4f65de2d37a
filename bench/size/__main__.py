"""Figures to size a server: python -m bench.size

Turns and jobs a second for each core of the database; bytes of waiting and finished jobs and of attempts; bytes of the
write-ahead log for each job; dead tuples and table sizes after a long run; the speed of pruning. One PostgreSQL server
on this machine. Writes bench/results/size.txt. Takes four minutes. The guide is docs/guides/size.md.
"""

from __future__ import annotations

import os

from bench.harness import keep, own_database, table
from bench.size.meter import Cost
from bench.size.work import (
    CLAIMERS,
    LONG_SECONDS,
    OF_TURN,
    bytes_of_attempt,
    bytes_of_jobs,
    long_run,
    pruning,
    turns,
)
from bench.throughput.meter import server_process

NAME = "turnabout_bench_size"
HEADS = ["", "jobs/s", "jobs per CPU second of the server", "WAL bytes per job"]


def columns(title: str, found: Cost) -> list[str]:
    """Return the row of a cost."""
    return [title, f"{found.rate:,.0f}", f"{found.rate_of_core:,.0f}", f"{found.log_of_job:,.0f}"]


def main() -> None:
    """Measure everything, and print and write it."""
    with own_database(NAME) as (opened, url):
        server, load = server_process(url), os.getloadavg()[0]
        parts = [
            f"{CLAIMERS} processes claim and settle, without tasks; one submits. PostgreSQL {opened.version()} with "
            f"default settings, {os.cpu_count()} cores, load average {load:.1f} before"
        ]
        rows = []
        for size in OF_TURN:
            found = turns(server, size)
            rows.append(columns(f"turns of {size}", found))
        submitted, waiting, finished = bytes_of_jobs(server)
        rows += [columns(f"submitted, {together:,} together", found) for together, found in submitted.items()]
        rows.append(columns("pruned", pruning(server)))
        parts.append(table(HEADS, rows))
        disk = [
            ["a waiting job", f"{waiting:,.0f}"],
            ["a finished job", f"{finished:,.0f}"],
            ["a failed attempt", f"{bytes_of_attempt():,.0f}"],
        ]
        parts.append(table(["bytes on disk, indexes included", ""], disk))
        sizes = [[name, *(f"{number:,}" for number in numbers)] for name, numbers in long_run().items()]
        heads = [f"{LONG_SECONDS:g} s in turns of one", "bytes before", "half time", "end", "dead", "autovacuums"]
        parts.append(table(heads, sizes))
    text = "\n\n".join(parts)
    print(text)
    keep("size", text)


if __name__ == "__main__":
    main()
