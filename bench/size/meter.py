"""What a piece of work costs the database: seconds, CPU seconds and write-ahead log; and sizes of tables."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psutil

from bench.throughput.meter import cpu_seconds


@dataclass(frozen=True)
class Cost:
    """What `jobs` jobs took. `cpu`: seconds of all processes of the server; `log`: bytes of the write-ahead log."""

    jobs: int
    seconds: float
    cpu: float
    log: int

    @property
    def rate(self) -> float:
        """Jobs a second."""
        return self.jobs / self.seconds

    @property
    def rate_of_core(self) -> float:
        """Jobs for each CPU second of the server."""
        return self.jobs / self.cpu

    @property
    def log_of_job(self) -> float:
        """Bytes of the write-ahead log for each job."""
        return self.log / self.jobs


def cost(server: psutil.Process, work: Callable[[], int]) -> Cost:
    """Return what `work` costs, which returns a number of jobs. It begins after a checkpoint."""
    scalar("CHECKPOINT")
    before, cpu, begun = int(scalar(_LOG)), cpu_seconds([server]), time.monotonic()
    jobs = work()
    return Cost(jobs, time.monotonic() - begun, cpu_seconds([server]) - cpu, int(scalar(_LOG)) - before)


_LOG = "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint"


def scalar(statement: str, *arguments: Any) -> Any:
    """Return the value of a statement of one row and column; None if it returns none."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(statement, arguments or None)
        row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None


def bytes_of(*tables: str) -> int:
    """Return the bytes of these tables of the queue, with their indexes and large values."""
    return sum(int(scalar("SELECT pg_total_relation_size(%s::regclass)", f"queueapp_{table}")) for table in tables)


def dead_tuples(table: str) -> int:
    """Return the dead tuples of a table of the queue."""
    found = scalar("SELECT n_dead_tup FROM pg_stat_user_tables WHERE relid = %s::regclass", f"queueapp_{table}")
    return int(found or 0)
