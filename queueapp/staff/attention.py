"""What an operator should look at first: sentences about what is wrong now, the worst first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext, ngettext

from ..models import Pause
from ..pages.humanize import number, seconds
from ..snapshots import shapes
from ..snapshots.console.ended import Ended
from ..snapshots.console.present import Backlog, Worker
from ..snapshots.measures import Database
from .words import pause_subject

LATE = 10.0
"""A job that has run so many times longer than expected, and for LATE_SECONDS at least, may be stuck."""
LATE_SECONDS = 60.0
LONG_WAIT = 10.0
"""The oldest wait is long from so many times the target wait on."""
FAILING = 0.1
"""Failures are many from this fraction of what ended on, if at least MANY_FAILED failed."""
MANY_FAILED = 5
OPEN_SECONDS = 300.0
"""A transaction that is open for longer keeps dead tuples, and stops the totals if it has written."""
BEHIND_SECONDS = 120.0
"""The totals are behind if they were last counted so long ago."""


@dataclass(frozen=True)
class Notice:
    """A sentence, and the page of the console that tells more. `bad`: work does not flow."""

    words: str
    page: str
    bad: bool = False


def notices(
    backlog: Backlog, workers: Sequence[Worker], fleet: shapes.Fleet, pauses: Sequence[Pause], found: Ended,
    database: Database, now: datetime,
) -> list[Notice]:  # fmt: skip
    """Return what needs attention, what stops work first. An empty list: nothing does."""
    told = [
        *_flow(backlog, workers, fleet, pauses),
        *_work(backlog, workers, fleet, found),
        *_base(found, database, now),
    ]
    return sorted(told, key=lambda one: not one.bad)


def _flow(
    backlog: Backlog, workers: Sequence[Worker], fleet: shapes.Fleet, pauses: Sequence[Pause]
) -> Iterator[Notice]:
    if not fleet["alive"]:
        yield Notice(gettext("No processor takes turns."), "staff-processors", bad=backlog.waiting > 0)
    if silent := sum(one.state == "silent" for one in workers):
        words = ngettext(
            "%(number)s processor is silent: the lease ran out.",
            "%(number)s processors are silent: the lease ran out.",
            silent,
        )
        yield Notice(words % {"number": number(silent)}, "staff-processors", bad=True)
    for pause in pauses:
        everything = pause.owner_id is None and not pause.task
        words = gettext("%(what)s is paused: %(reason)s")
        yield Notice(words % {"what": pause_subject(pause), "reason": pause.reason}, "staff-flows", bad=everything)


def _work(backlog: Backlog, workers: Sequence[Worker], fleet: shapes.Fleet, found: Ended) -> Iterator[Notice]:
    if late := sum(is_late(one) for one in workers):
        words = ngettext(
            "%(number)s running job may be stuck: over %(times)s times as long as expected.",
            "%(number)s running jobs may be stuck: over %(times)s times as long as expected.",
            late,
        )
        yield Notice(words % {"number": late, "times": f"{LATE:g}"}, "staff-processors")
    target = fleet["target_wait"]
    if backlog.oldest is not None and backlog.oldest > LONG_WAIT * target:
        words = gettext("The first job that may start has waited %(time)s; the target is %(target)s.")
        yield Notice(words % {"time": seconds(backlog.oldest), "target": seconds(target)}, "staff-flows")
    failed = sum(found.failed)
    if failed >= MANY_FAILED and failed >= FAILING * found.total:
        words = gettext("%(failed)s of %(total)s jobs that ended in this span failed.")
        yield Notice(words % {"failed": number(failed), "total": number(found.total)}, "staff-failures")


def _base(found: Ended, database: Database, now: datetime) -> Iterator[Notice]:
    if database.oldest_transaction > OPEN_SECONDS:
        words = gettext("A transaction has been open for %(time)s: it keeps dead tuples.")
        yield Notice(words % {"time": seconds(database.oldest_transaction)}, "staff-database")
    if found.counted_at is not None and (behind := (now - found.counted_at).total_seconds()) > BEHIND_SECONDS:
        words = gettext("Nothing was counted for %(time)s: figures of spans are behind.")
        yield Notice(words % {"time": seconds(behind)}, "staff-database")


def is_late(worker: Worker) -> bool:
    """Whether the processor's job has run far longer than expected."""
    return worker.late > LATE and worker.spent > LATE_SECONDS
