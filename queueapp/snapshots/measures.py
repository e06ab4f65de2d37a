"""Measures of the whole queue for monitoring: what waits, the fleet, what ended, how even it was, and the database."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import connection

from ..db.routines import versioned
from ..models import database_now
from ..registry import all_tasks
from .fleet_state import fleet_state
from .shares import shares

BUCKETS = (0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 1_800.0, 3_600.0)
"""Upper bounds of the histograms of waits and durations, in seconds."""
MAX_JOBS_READ = 1_000_000
"""Queued jobs that are counted; of a deeper backlog it is known that it has at least so many."""
MAX_TASKS = 50
"""Tasks that are told apart, the first of which jobs end. The others, and unknown ones, count as OTHER."""
OTHER = "other"
SETTLED_BY = 5.0
"""Seconds from a job's end to its settlement, at most, but for outages of the database."""
SHARES_SPAN = timedelta(minutes=5)
"""The span of owed, got and evenness."""

_WAITING = versioned("""
    WITH read AS (
        SELECT w.flow_id, w.expected * t.ratio AS expected
          FROM (SELECT flow_id, expected FROM queueapp_waiting LIMIT %(jobs)s) AS w
          LEFT JOIN queueapp_flowstate t ON t.flow_id = w.flow_id
    )
    SELECT count(*), count(*) FILTER (WHERE flow_id IS NULL),
           CASE WHEN queueapp_all_paused() THEN 0
                ELSE coalesce(sum(expected) FILTER (WHERE flow_id IS NOT NULL), 0) END,
           (SELECT extract(epoch FROM clock_timestamp() - submitted_at) FROM queueapp_job WHERE id = (
               SELECT job_id FROM queueapp_waiting WHERE flow_id IS NOT NULL ORDER BY job_id LIMIT 1)),
           (SELECT last_value FROM queueapp_turn_number), (SELECT last_value FROM queueapp_outcome_number)
      FROM read
""")
_DATABASE = """
    SELECT (SELECT coalesce(max(extract(epoch FROM clock_timestamp() - xact_start)), 0) FROM pg_stat_activity
             WHERE datname = current_database() AND pid <> pg_backend_pid()),
           (SELECT coalesce(max(age(backend_xmin)), 0) FROM pg_stat_activity WHERE datname = current_database()),
           (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()),
           pg_database_size(current_database())
"""
_TABLES = """
    SELECT relname, n_dead_tup, n_live_tup, greatest(last_vacuum, last_autovacuum), pg_total_relation_size(relid)
      FROM pg_stat_user_tables WHERE starts_with(relname, 'queueapp_') ORDER BY n_dead_tup DESC, relname
"""
# The moment up to which all outcomes are committed: SETTLED_BY ago, and no transaction that writes is older. One that
# stays open for longer than a minute is passed over.
_COMMITTED = """
    SELECT greatest(least(clock_timestamp(), min(xact_start)), clock_timestamp() - interval '1 minute')
           - make_interval(secs => %s)
      FROM pg_stat_activity WHERE datname = current_database() AND backend_xid IS NOT NULL
"""
_ENDED = """
    SELECT j.task, o.status,
           width_bucket(w.wait, %(bounds)s::float8[]), width_bucket(o.time_spent, %(bounds)s::float8[]),
           count(*), coalesce(sum(w.wait), 0), sum(o.time_spent)
      FROM queueapp_outcome o JOIN queueapp_job j ON j.id = o.job_id
     CROSS JOIN LATERAL (
           SELECT extract(epoch FROM o.started_at - greatest(j.submitted_at, j.run_at))::float8 AS wait) AS w
     WHERE o.finished_at > %(after)s AND o.finished_at <= %(until)s
     GROUP BY 1, 2, 3, 4
"""


@dataclass(frozen=True)
class Table:
    """A table of the queue, as PostgreSQL's statistics have it. `vacuumed_at`: by hand or automatically."""

    name: str
    dead: int
    live: int
    vacuumed_at: datetime | None
    bytes: int


@dataclass(frozen=True)
class Database:
    """The health of the queue's database. `tables`: those with the most dead tuples first."""

    oldest_transaction: float
    """Seconds since the oldest open transaction began."""
    oldest_xmin: int
    """Age of the oldest snapshot, in transactions: dead tuples younger than that cannot be removed."""
    connections: int
    bytes: int
    tables: list[Table]


def database() -> Database:
    """Return the health of the database. Two queries."""
    with connection.cursor() as cursor:
        cursor.execute(_DATABASE)
        transaction, xmin, connections, size = cursor.fetchone()
        cursor.execute(_TABLES)
        return Database(float(transaction), xmin, connections, size, [Table(*row) for row in cursor.fetchall()])


@dataclass(frozen=True)
class Measures:
    """The queue as it is. Times are seconds. `predicted_wait`: what is queued, divided by the live processors."""

    queued: int
    not_due: int
    queued_seconds: float
    oldest_wait: float
    predicted_wait: float
    wished: int
    room: int
    """The most processors that the clusters can run."""
    alive: int
    busy: int
    turns: int
    """Turns claimed ever, nearly: a rescue counts too."""
    outcomes: int
    database: Database


def measures() -> Measures:
    """Return the queue as it is. Seven queries; one counts what waits, up to MAX_JOBS_READ jobs."""
    with connection.cursor() as cursor:
        cursor.execute(_WAITING, {"jobs": MAX_JOBS_READ})
        queued, not_due, seconds, oldest, turns, outcomes = cursor.fetchone()
    fleet = fleet_state()
    decided = fleet["wished"] and not fleet["dry_run"]
    return Measures(
        queued, not_due, float(seconds), float(oldest or 0.0), float(seconds) / max(fleet["alive"], 1),
        fleet["wished"] if decided else fleet["alive"], sum(one["maximum"] for one in fleet["clusters"]),
        fleet["alive"], fleet["busy"], turns, outcomes, database(),
    )  # fmt: skip


@dataclass(frozen=True)
class Evenness:
    """What all flows were owed and got over SHARES_SPAN, in processor seconds, and Jain's index.

    `jain`: None if no flow was owed anything.
    """

    owed: float
    got: float
    jain: float | None


def recent_evenness() -> Evenness:
    """Return the evenness of the last SHARES_SPAN. Raises SpanTooLarge as shares()."""
    now = database_now()
    found = shares(now - SHARES_SPAN, now)
    return Evenness(sum(one.owed_seconds for one in found.everyone), found.got_seconds, found.evenness)


@dataclass
class Histogram:
    """Counts by bucket of BUCKETS, the last without a bound, and the sum of the values."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS) + 1))
    total: float = 0.0

    def add(self, bucket: int, many: int, total: float) -> None:
        """Add so many values to a bucket."""
        self.counts[bucket] += many
        self.total += total


class EndedJobs:
    """Jobs that ended since the first call of read(), by task: how many, their waits and their durations.

    Each outcome is counted once, after its commit and SETTLED_BY. A retry does not take it back. One that was settled
    later than that after the job's end, because the database was away, is missed; the sequence of outcomes has it.
    """

    def __init__(self) -> None:
        self.outcomes: Counter[tuple[str, str]] = Counter()
        self.waits: defaultdict[str, Histogram] = defaultdict(Histogram)
        self.durations: defaultdict[str, Histogram] = defaultdict(Histogram)
        self._until: datetime | None = None

    def read(self) -> None:
        """Add the jobs that ended since the last call, at most SHARES_SPAN of them: the rest with the next calls."""
        with connection.cursor() as cursor:
            cursor.execute(_COMMITTED, [SETTLED_BY])
            [until] = cursor.fetchone()
            if self._until is not None and until > self._until:
                until = min(until, self._until + SHARES_SPAN)
                cursor.execute(_ENDED, {"bounds": list(BUCKETS), "after": self._until, "until": until})
                for task, *row in cursor.fetchall():
                    self._add(self._label(task), *row)
        self._until = until if self._until is None else max(until, self._until)

    def _label(self, task: str) -> str:
        """Return the task's name, or OTHER: each name is kept for ever, here and by Prometheus."""
        if task in all_tasks() and len(self.durations) < MAX_TASKS:
            return task
        return task if task in self.durations else OTHER

    def _add(
        self, task: str, status: str, waited: int | None, worked: int, many: int, wait: float, spent: float
    ) -> None:
        self.outcomes[task, status] += many
        self.durations[task].add(worked, many, spent)
        if waited is not None:
            self.waits[task].add(waited, many, wait)
