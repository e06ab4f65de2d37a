"""The state of the queue in Prometheus' text format, for who knows METRICS_TOKEN. It needs prometheus-client.

All figures of the queue come from the database, so every web process gives the same, and processors need no port of
their own. Counters and histograms of ended jobs begin with the process, as Prometheus expects.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Iterator

from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from prometheus_client import GC_COLLECTOR, PLATFORM_COLLECTOR, PROCESS_COLLECTOR, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from .conf import queue_settings
from .errors import SpanTooLarge
from .events.hub import stream_count
from .snapshots.measures import BUCKETS, EndedJobs, Evenness, Histogram, Measures, measures, recent_evenness

logger = logging.getLogger(__name__)

KEEP_SECONDS = 1.0
"""Seconds for which the figures are kept: several scrapers cost no more than one."""
KEEP_EVENNESS_SECONDS = 60.0
"""Seconds for which owed, got and evenness are kept, which take longer to read."""
NEVER = float("-inf")


def answer(request: HttpRequest) -> HttpResponseBase:
    """Return the metrics, or 401 without the token."""
    given = request.headers.get("Authorization", "").encode()
    if not secrets.compare_digest(given, f"Bearer {queue_settings().METRICS_TOKEN}".encode()):
        return HttpResponse("Send METRICS_TOKEN as a bearer token.\n", "text/plain", 401, headers=_REFUSED)
    return HttpResponse(generate_latest(_registry), CONTENT_TYPE_LATEST, headers={"Cache-Control": "no-store"})


_REFUSED = {"WWW-Authenticate": 'Bearer realm="metrics"', "Cache-Control": "no-store"}


class QueueCollector(Collector):
    """The figures of the queue. Without the database, `turnabout_database_up` is 0 and the others are left out."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ended = EndedJobs()
        self._measures: Measures | None = None
        self._evenness: Evenness | None = None
        self._read_at = self._evenness_at = NEVER

    def collect(self) -> Iterator[Metric]:
        """Yield all families."""
        with self._lock:
            now = time.monotonic()
            if now - self._read_at >= KEEP_SECONDS:
                self._read(now)
            yield GaugeMetricFamily("turnabout_streams", "Open event streams of this web process.", stream_count())
            up = self._measures is not None
            yield GaugeMetricFamily("turnabout_database_up", "Whether the database answers.", int(up))
            if self._measures is not None:
                yield from _of_queue(self._measures)
                yield from _of_ended(self._ended)
            if self._evenness is not None:
                yield from _of_evenness(self._evenness)

    def _read(self, now: float) -> None:
        try:
            self._ended.read()
            self._measures = measures()
            if now - self._evenness_at >= KEEP_EVENNESS_SECONDS:
                self._evenness_at = now
                self._evenness = recent_evenness()
        except SpanTooLarge:
            self._evenness = None
        except (DatabaseError, InterfaceError) as error:
            logger.warning("The metrics could not be read: %s", str(error).strip())
            self._measures = self._evenness = None
        self._read_at = now


def _of_queue(found: Measures) -> Iterator[Metric]:
    gauges = {
        "queued_jobs": ("Jobs that wait, those that are not due yet included; up to a million.", found.queued),
        "not_due_jobs": ("Jobs that wait for their moment, or for a further attempt.", found.not_due),
        "queued_seconds": ("Expected processor seconds of the jobs that may start.", found.queued_seconds),
        "oldest_wait_seconds": ("Seconds since the submission of the first job that waits.", found.oldest_wait),
        "predicted_wait_seconds": ("Queued seconds per live processor.", found.predicted_wait),
        "processors_wished": ("Processors that the fleet should have.", found.wished),
        "processors_room": ("The most processors that the hosts can run.", found.room),
        "processors_alive": ("Processors that take turns.", found.alive),
        "processors_busy": ("Processors that run a job.", found.busy),
        "oldest_transaction_seconds": (
            "Seconds since the oldest open transaction began.",
            found.database.oldest_transaction,
        ),
        "oldest_xmin_age": ("Age of the oldest snapshot, in transactions.", found.database.oldest_xmin),
        "database_connections": ("Connections of the queue's database.", found.database.connections),
        "database_bytes": ("Size of the queue's database.", found.database.bytes),
    }
    for name, (meaning, value) in gauges.items():
        yield GaugeMetricFamily(f"turnabout_{name}", meaning, value)
    yield CounterMetricFamily("turnabout_turns", "Turns that were claimed.", found.turns)
    yield CounterMetricFamily("turnabout_ends", "Jobs that ended, a retried one each time.", found.outcomes)
    dead = GaugeMetricFamily("turnabout_dead_tuples", "Dead tuples of the queue's tables.", labels=["table"])
    for table in found.database.tables:
        dead.add_metric([table.name], table.dead)
    yield dead


def _of_ended(ended: EndedJobs) -> Iterator[Metric]:
    outcomes = CounterMetricFamily(
        "turnabout_outcomes", "Jobs that ended since this web process began, by task.", labels=["task", "status"]
    )
    for (task, status), many in ended.outcomes.items():
        outcomes.add_metric([task, status], many)
    yield outcomes
    yield _histogram("wait_seconds", "Seconds from submission, or the moment due, to the last start.", ended.waits)
    yield _histogram("duration_seconds", "Seconds that processors worked on a job.", ended.durations)


def _histogram(name: str, meaning: str, found: dict[str, Histogram]) -> HistogramMetricFamily:
    family = HistogramMetricFamily(f"turnabout_{name}", meaning, labels=["task"])
    for task, histogram in found.items():
        sums, so_far = [], 0
        for bound, many in zip([*map(str, BUCKETS), "+Inf"], histogram.counts, strict=True):
            so_far += many
            sums.append((bound, so_far))
        family.add_metric([task], sums, histogram.total)
    return family


def _of_evenness(found: Evenness) -> Iterator[Metric]:
    span = "over the last five minutes"
    yield GaugeMetricFamily("turnabout_owed_seconds", f"Processor seconds owed to flows, {span}.", found.owed)
    yield GaugeMetricFamily("turnabout_got_seconds", f"Processor seconds that flows got, {span}.", found.got)
    if found.jain is not None:
        yield GaugeMetricFamily("turnabout_jain_index", f"Evenness of got to owed, {span}; 1: even.", found.jain)


_registry = CollectorRegistry()
for _collector in (PROCESS_COLLECTOR, PLATFORM_COLLECTOR, GC_COLLECTOR, QueueCollector()):
    _registry.register(_collector)
