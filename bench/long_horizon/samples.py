"""What the adapter says each few seconds: rates, depths and latencies, read from the queue's own tables."""

from __future__ import annotations

import json
import os
import sys
import time
from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import psycopg

KEPT = 32_768
"""Latencies that are kept, at most: memory stays bounded in runs of hours."""
WINDOW = 30.0
"""Seconds whose latencies count."""
SYSTEM = "turnabout"

# Clocks of one kind: all moments are the database's.
_ENDED = """
    SELECT o.number, extract(epoch FROM o.started_at - j.submitted_at)::float8,
           extract(epoch FROM o.finished_at - j.submitted_at)::float8
      FROM queueapp_outcome o JOIN queueapp_job j ON j.id = o.job_id WHERE o.number > %s"""
_DEPTHS = """
    SELECT (SELECT count(*) FROM queueapp_waiting WHERE flow_id IS NOT NULL),
           (SELECT count(*) FROM queueapp_processor WHERE job_id IS NOT NULL),
           (SELECT count(*) FROM queueapp_waiting WHERE flow_id IS NULL AND attempt > 1)"""


def emit(record: dict[str, Any]) -> None:
    """Write a record as a line of JSON."""
    sys.stdout.write(json.dumps({**record, "instance_id": instance()}) + "\n")
    sys.stdout.flush()


def instance() -> int:
    """Return which of several adapters of one run this is, from 0. That one observes the queue."""
    return int(os.environ.get("BENCH_INSTANCE_ID") or 0)


def now() -> str:
    """Return this moment, as records have it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def percentile(values: Sequence[float], part: float) -> float:
    """Return the value below which this part of the sorted values lies."""
    return values[min(int(len(values) * part), len(values) - 1)]


class Sampler:
    """Reads what came since the last sample. Call sample() at each tick."""

    def __init__(self, url: str, every: float) -> None:
        self._url, self._every = url, every
        self._connection: psycopg.Connection[Any] | None = None
        self._last: int | None = None
        self._submitted = 0
        self._latencies: deque[tuple[float, float, float]] = deque(maxlen=KEPT)
        self.depth = 0

    def sample(self, submitted: int, target_rate: float) -> None:
        """Emit the metrics of the seconds since the last call. While the database is away only the producer's."""
        metrics = {"enqueue_rate": (submitted - self._submitted) / self._every, "producer_target_rate": target_rate}
        self._submitted = submitted
        if instance() == 0:
            try:
                metrics |= self._observed()
            except psycopg.Error:
                self._connection = None
        at = now()
        for metric, value in metrics.items():
            emit({
                "t": at, "system": SYSTEM, "kind": "adapter", "subject_kind": "adapter", "subject": "",
                "metric": metric, "value": value, "window_s": _window(metric, self._every),
            })  # fmt: skip

    def _observed(self) -> dict[str, float]:
        if self._connection is None:
            self._connection = psycopg.connect(self._url, autocommit=True, connect_timeout=2)
        if self._last is None:
            row = self._connection.execute("SELECT coalesce(max(number), 0) FROM queueapp_outcome").fetchone()
            self._last = int(row[0]) if row else 0
        ended = self._connection.execute(_ENDED, [self._last]).fetchall()
        self._last = max((number for number, _, _ in ended), default=self._last)
        self._latencies.extend((time.monotonic(), started, finished) for _, started, finished in ended)
        waiting, running, retried = self._connection.execute(_DEPTHS).fetchone() or (0, 0, 0)
        self.depth = waiting
        found = {
            "completion_rate": len(ended) / self._every, "queue_depth": waiting, "running_depth": running,
            "retryable_depth": retried, "total_backlog": waiting + running + retried,
        }  # fmt: skip
        recent = [one for one in self._latencies if one[0] >= time.monotonic() - WINDOW]
        for name, index in (("claim", 1), ("subscriber", 1), ("end_to_end", 2)) if recent else ():
            ordered = sorted(max(one[index], 0.0) * 1000 for one in recent)
            found |= {f"{name}_p{part}_ms": percentile(ordered, part / 100) for part in (50, 95, 99)}
        return found


def _window(metric: str, every: float) -> float:
    if metric.endswith("_ms"):
        return WINDOW
    return every if metric in ("enqueue_rate", "completion_rate") else 0
