"""The present queue as previews need it: waiting jobs, running turns, and the routes that sets of rules give."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Q

from ..conf import queue_settings
from ..db.routines import versioned
from ..models import Flow, FlowState, Job, Owner, Processor, at_one_moment
from ..models.job import PLACES_APART
from ..policy import scheduler
from ..policy.preview.sampling import Remainder, depth, sample_size, samples
from ..policy.preview.state import Fate, QueueState, Routes, RunningTurn
from ..policy.rules import Rule, route
from ..policy.scheduler import QueuedJob

MAX_JOBS_READ = 20_000
"""Waiting jobs that are read one by one; a deeper backlog is read in samples. If more owners than this have jobs that
wait, no times are projected."""

# The waiting jobs of each owner in each flow: how many, their work, and the last one. Some jobs wait in no flow: those
# for a moment, and parked ones.
_TOTALS = """
    SELECT owner_id, flow_id, count(*), sum(expected), max(job_id)
      FROM queueapp_waiting WHERE flow_id IS NOT NULL GROUP BY owner_id, flow_id
"""
# The first jobs of each owner, in their order. It reads as many entries of the primary key, and of those moved.
_FIRST = versioned("""
    SELECT o.id, w.flow_id, w.job_id, w.expected, w.moved_to
      FROM unnest(%(owners)s::bigint[]) AS o(id)
     CROSS JOIN LATERAL (
           SELECT *, queueapp_place_of(moved_to, job_id) AS place FROM (
                  (SELECT flow_id, job_id, expected, moved_to FROM queueapp_waiting
                    WHERE owner_id = o.id AND flow_id IS NOT NULL AND moved_to IS NULL ORDER BY job_id LIMIT %(most)s)
                   UNION ALL
                  (SELECT flow_id, job_id, expected, moved_to FROM queueapp_waiting
                    WHERE owner_id = o.id AND flow_id IS NOT NULL AND moved_to IS NOT NULL
                    ORDER BY moved_to LIMIT %(most)s)) AS first
            ORDER BY place, job_id LIMIT %(most)s
           ) AS w
     ORDER BY o.id, w.place, w.job_id
""")


@dataclass
class _Waiting:
    """The waiting jobs: `rests` by owner and flow, `tasks` by flow; `owners` and `samples` as in QueueState."""

    rests: dict[tuple[int, int], Remainder]
    tasks: dict[int, list[QueuedJob]] = field(default_factory=lambda: defaultdict(list))
    owners: dict[int, int] = field(default_factory=dict)
    samples: dict[int, float] = field(default_factory=dict)


def read_backlog(now: datetime, *rules: Sequence[Rule]) -> tuple[QueueState, list[Routes]]:
    """Return the queue as it is and, for each of these lists of rules, the routes of all owners with jobs.

    At most seven queries, however many owners and jobs, as of one moment. One adds up the whole backlog; the others
    read at most MAX_JOBS_READ waiting jobs.
    """
    with at_one_moment():
        waiting = _read_waiting()
        processors = list(Processor.objects.all())
        jobs = Job.objects.in_bulk([job for processor in processors for job in processor.jobs])
        started = {pk: job.owner_id for pk, job in jobs.items()}
        many = _many(waiting, processors, started, now)
        routes = _routes(set(many) | set(started.values()), rules, now)
        flows = _flows({route.key for by_user in routes for route in by_user.values()})
    present = QueueState(
        processors=sum(p.lease_until > now and not p.draining for p in processors),
        flows=[_state(flow, waiting.tasks[flow.pk]) for flow in flows],
        owners=waiting.owners | started,
        waiting=many,
        own={flow.key: flow.owner_id for flow in flows if flow.owner_id is not None},
        underway=_underway(processors, {flow.pk: flow.key for flow in flows}, jobs, now),
        samples=waiting.samples,
        timed=bool(waiting.owners) or not waiting.rests,
        quantum=queue_settings().QUANTUM_SECONDS,
        most=queue_settings().MAX_TURN_JOBS,
        heartbeat=queue_settings().HEARTBEAT_SECONDS,
    )
    return present, routes


def _rows(query: str, parameters: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return list(cursor.fetchall())


def _queued(job: int, declared: float, moved_to: int | None) -> QueuedJob:
    return QueuedJob(job, declared, None if moved_to is None else divmod(moved_to, PLACES_APART))


def _read_waiting() -> _Waiting:
    """Return the waiting jobs one by one. Beyond MAX_JOBS_READ, half of that goes to samples."""
    found = _Waiting({(owner, flow): Remainder(*rest) for owner, flow, *rest in _rows(_TOTALS)})
    many: Counter[int] = Counter()
    for (owner, _), rest in found.rests.items():
        many[owner] += rest.many
    if len(many) > MAX_JOBS_READ:
        return found
    sizes = list(many.values())
    first = MAX_JOBS_READ if sum(sizes) <= MAX_JOBS_READ else depth(sizes, MAX_JOBS_READ // 2)
    tasks: dict[tuple[int, int], list[QueuedJob]] = defaultdict(list)
    for owner, flow, job, expected, moved_to in _rows(_FIRST, {"owners": list(many), "most": first}):
        tasks[owner, flow].append(_queued(job, expected, moved_to))
        found.owners[job] = owner
    _add(found, tasks, sample_size(sizes, first, MAX_JOBS_READ // 2))
    return found


def _add(found: _Waiting, tasks: dict[tuple[int, int], list[QueuedJob]], size: int) -> None:
    """Add the first tasks of each owner to their flows, and samples of the jobs behind them."""
    for (owner, flow), total in found.rests.items():
        first = tasks[owner, flow]
        rest = total.behind(first)
        found.tasks[flow] += first
        begin = max((max(job.place) for job in first), default=max(rest.last - rest.many, 0))
        for sample in samples(rest, size, begin, found.owners):
            found.tasks[flow].append(sample)
            found.owners[sample.number] = owner
            found.samples[sample.number] = sample.declared * rest.many / rest.declared
    for ordered in found.tasks.values():
        ordered.sort(key=lambda task: task.place)


def _many(waiting: _Waiting, processors: Iterable[Processor], started: dict[int, int], now: datetime) -> dict[int, int]:
    """Return how many jobs of each owner have not been started. Those of a lost turn count: they come back."""
    many: dict[int, int] = defaultdict(int)
    for (owner, _), rest in waiting.rests.items():
        many[owner] += rest.many
    for processor in processors:
        for job in processor.jobs:
            if job != processor.job_id or processor.lease_until <= now:
                many[started[job]] += 1
    return dict(many)


def _routes(owners: set[int], rules: Iterable[Sequence[Rule]], now: datetime) -> list[Routes]:
    subjects = Owner.objects.filter(pk__in=owners).order_by("pk").subjects()
    return [{owner: route(owner, subject, some, now) for owner, subject in subjects.items()} for some in rules]


def _flows(wanted: set[str]) -> list[Flow]:
    """Return flows that wait, run or are held, those that may be joined, and the one that sets V if none is ready."""
    farthest = FlowState.objects.filter(ready=False).order_by("-vtime", "-head").values("pk")[:1]
    active = Q(state__backlogged=True) | Q(state__busy__gt=0) | Q(state__held=True)
    some = Flow.objects.filter(active | Q(key__in=wanted) | Q(pk__in=farthest))
    return list(some.select_related("state").order_by("pk"))


def _state(flow: Flow, tasks: list[QueuedJob]) -> scheduler.FlowState:
    now = flow.state
    return scheduler.FlowState(
        flow.key, now.terms, now.vtime, tasks, now.backlogged, now.busy, now.head or 0, now.held,
        ratio=now.ratio, learned_from=now.learned_from,
    )  # fmt: skip


def _underway(
    processors: Iterable[Processor], keys: dict[int, str], jobs: dict[int, Job], now: datetime
) -> list[RunningTurn]:
    """Return the running turns, each with its present job first."""
    found = []
    for processor in processors:
        if not processor.jobs or processor.flow_id is None:
            continue
        order = sorted(processor.jobs, key=lambda job: job != processor.job_id)
        tasks = [_queued(job, jobs[job].duration, jobs[job].moved_to) for job in order]
        charged, elapsed = processor.charged, processor.time_spent(now)
        afterwards = Fate.LEAVES if processor.draining else Fate.ANOTHER
        if processor.lease_until <= now:
            # The flow will be charged for the time that the processor was seen at work (rescue.sql).
            charged, elapsed = charged - processor.time_spent(processor.seen_at), 0.0
            afterwards = Fate.LOST
        found.append(RunningTurn(keys[processor.flow_id], tasks, charged, elapsed, afterwards))
    return found
