"""The printed tables, with the notes needed to read them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from textwrap import fill

from bench.fairness.measures import Measures
from bench.harness import middle, table
from bench.loads import Load
from bench.records import Record
from bench.systems import PLAIN, all_systems
from bench.systems.system import PROCESSORS, System

WIDTH = 118


@dataclass(frozen=True)
class Run:
    """One system's run of one load in one round."""

    system: System
    load: Load
    round: int
    measures: Measures
    records: Sequence[Record]
    amiss: str
    """Errors that the system's own tables show, in words."""


Column = tuple[str, Callable[[Run], float]]

WHEN: list[Column] = [
    ("all had a turn", lambda run: run.measures.first_turn),
    ("{}: median", lambda run: run.measures.watched_median),
    ("last", lambda run: run.measures.watched_last),
    ("all done", lambda run: run.measures.done),
    ("/ ideal", lambda run: run.measures.against_ideal),
]
WATCHED = {"heavy": "light", "weighted": "weight 3"}
HOW_EVEN: list[Column] = [
    ("/ own pace", lambda run: run.measures.against_own_pace),
    ("backlogged", lambda run: run.measures.period),
    ("share error", lambda run: run.measures.share_error),
    ("Jain's index", lambda run: run.measures.jain),
    ("gap / promise", lambda run: run.measures.gap_of_bound),
]
RATIO: Column = ("weight 3 : 1", lambda run: run.measures.ratio)

WORDS = """\
All jobs are in line before the first one starts; seconds are from its start. Medians over the rounds (least-most).
all had a turn     when every user had had a first job started
all done           when the last job of all had ended; inf: the run was cut off before
light, weight 3    when these users were done: their median, and the last of them
/ ideal            the last of them, against exact shares without any overhead
sooner             plain order's time for the last of them, divided by this one's, round by round
/ own pace         the last of them, against when this system had done as many jobs as exact shares need for that:
                   its order alone, whatever its speed
backlogged         how long every user had a backlog; what follows is over that time
share error        the most that a user got above or below what was owed, as a part of it
Jain's index       of got / owed: 1 is even, 1/n is all for one of n
gap / promise      the largest gap between two users' service per weight over any interval, divided by the bound that
                   Turnabout promises (docs/fairness.md); the others promise none
weight 3 : 1       service of an average user of weight 3 to one of weight 1; inf: those got nothing"""

NOT_ALIKE = [
    "Turnabout knows each job's duration, as submitters declare it (here exactly); the peers are not told any.",
    "A turn of Turnabout is up to 0.02 s of one user's jobs, which is most of its share error. Jobs of 0.02 s and more "
    "go one by one. The peers fetch one job at a time.",
    "The peers' limits and queues are named when a worker starts: a new user, or a new weight, means new workers. "
    "Numbers given by hand need a count per user that the submitter keeps, and whoever comes later begins at 0 and "
    "goes before everybody; here nobody comes later, which spares them. A rule's change moves Turnabout's waiting "
    "jobs; a peer's stay.",
    "Peers' jobs are asyncio functions that sleep in a thread, and their workers fetch the next job meanwhile; "
    "Turnabout's are plain functions in a django-q2 worker, and it settles and claims between turns.",
    "Turnabout keeps an owner, a name and an outcome per job and announces changes to live pages; the peers keep a log "
    "of changes of state.",
    "Commits of claims and results are asynchronous for all, of submissions synchronous for all. ANALYZE ran for the "
    "peers after submission; Turnabout does without.",
    "Plain order is Turnabout's own, at its speed. Speed is not what this compares: see the column / own pace.",
]


def report(runs: Sequence[Run], facts: str) -> str:
    """Return all tables with their notes."""
    parts = [f"Fairness: {facts}", WORDS]
    loads = {run.load.key: run.load for run in runs}
    for load in loads.values():
        of_load = [run for run in runs if run.load is load]
        when = [(head.format(WATCHED[load.key]), value) for head, value in WHEN]
        even = HOW_EVEN if load.key == "heavy" else [RATIO, *HOW_EVEN]
        parts += [f"\n{load.title}", _table(of_load, when, sooner=True), _table(of_load, even)]
    parts += ["\nHow each is set up", *(_item(f"{s.title}. {s.settings}") for s in _systems(runs))]
    parts += ["\nNot like for like", *map(_item, NOT_ALIKE)]
    if warnings := _warnings(runs):
        parts += ["\nBeware", *warnings]
    return "\n".join(parts) + "\n"


def _table(runs: Sequence[Run], columns: Sequence[Column], *, sooner: bool = False) -> str:
    rows = []
    plain = {run.round: run.measures.watched_last for run in runs if run.system.key == PLAIN}
    for system in _systems(runs):
        its = [run for run in runs if run.system is system]
        cells = [middle([value(run) for run in its]) for _, value in columns]
        if sooner and plain:
            cells.append(middle([_times(plain[run.round], run.measures.watched_last) for run in its], 1))
        rows.append([system.title, *cells])
    heads = ["", *(head for head, _ in columns), *["sooner"] * (sooner and bool(plain))]
    return table(heads, rows) + "\n"


def _times(one: float, other: float) -> float:
    return one / other if math.isfinite(one) and math.isfinite(other) else math.nan


def _systems(runs: Iterable[Run]) -> list[System]:
    """Return the systems of the runs, in the order of all_systems()."""
    found = {run.system.key: run.system for run in runs}
    return [found[system.key] for system in all_systems() if system.key in found]


def _item(text: str) -> str:
    return fill(text, WIDTH, initial_indent="- ", subsequent_indent="  ")


def _warnings(runs: Sequence[Run]) -> list[str]:
    """Return the warnings of each run: it was cut off, had errors, or used other than PROCESSORS processors."""
    found = []
    for run in runs:
        jobs, where = sum(run.load.jobs.values()), f"{run.system.title}, round {run.round}, {run.load.key}"
        if len(run.records) != jobs:
            found.append(f"- {where}: cut off after {len(run.records):,} of {jobs:,} jobs.")
        if run.amiss:
            found.append(f"- {where}: {run.amiss}.")
        if run.measures.processors != PROCESSORS:
            found.append(f"- {where}: {run.measures.processors} processors worked.")
    return found
