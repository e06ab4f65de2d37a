"""Failed attempts, grouped by what their errors have in common."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection

from ...db.routines import versioned
from ...models import Job
from ...states import Status

MAX_READ = 2_000
"""Failed attempts that are read: the newest ones."""
MAX_GROUPS = 50
"""Groups that are shown: the largest ones."""
MAX_CHARS = 300
"""Characters of an error's first line that are compared, and shown."""
EXAMPLES = 2
"""Jobs of a group that are named: the newest ones."""

# Attempts are numbered in about the order in which they ended. So the newest are read by their key, and no index on the
# moment is needed. Equal errors of a task are one row: the rest of the work is then small.
_FAILED = versioned("""
    SELECT j.task, a.error, count(*), array_agg(DISTINCT j.owner_id), min(a.finished_at), max(a.finished_at),
           array_agg(a.job_id ORDER BY a.id DESC)
      FROM (SELECT id, job_id, finished_at, left(split_part(error, E'\\n', 1), %(chars)s) AS error
              FROM (SELECT * FROM queueapp_attempt ORDER BY id DESC LIMIT %(most)s) AS newest
             WHERE finished_at >= %(begin)s) AS a
     CROSS JOIN LATERAL queueapp_job_by_id(a.job_id) AS j
     GROUP BY 1, 2
""")
_READ = "SELECT min(finished_at), count(*) FROM (SELECT finished_at FROM queueapp_attempt ORDER BY id DESC LIMIT %s) a"

_VARIABLE = re.compile(
    r"""(?P<text>"[^"]*"|'[^']*'|`[^`]*`)"""
    r"|(?P<id>\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\b0x[0-9a-f]+\b|\b(?=[0-9a-f]*[0-9])[0-9a-f]{12,}\b)"
    r"|(?P<number>\d+(?:[.,:]\d+)*)",
    re.IGNORECASE,
)
_PLACEHOLDERS = {"text": "“…”", "id": "#", "number": "N"}


@dataclass
class Group:
    """Failed attempts of a task whose errors differ only in texts in quotes, ids and numbers.

    `key`: names the group in an address. `jobs`: the jobs, the newest failure first, each once.
    """

    key: str
    task: str
    error: str
    attempts: int = 0
    owners: set[int] = field(default_factory=set)
    first: datetime | None = None
    last: datetime | None = None
    jobs: dict[int, None] = field(default_factory=dict)
    examples: list[Job] = field(default_factory=list)


@dataclass(frozen=True)
class Failures:
    """The groups, the largest first. `complete_from`: the moment from which all failed attempts are in them; None: all
    of the span are."""

    groups: list[Group]
    more: int
    attempts: int
    complete_from: datetime | None


def failures(begin: datetime) -> Failures:
    """Return the groups of the attempts that failed since then: at most the newest MAX_READ. Three queries."""
    groups = sorted(_groups(begin), key=lambda one: (-one.attempts, one.error))
    shown = groups[:MAX_GROUPS]
    wanted = {job for one in shown for job in list(one.jobs)[:EXAMPLES]}
    examples = Job.objects.select_related("owner__user").defer("payload").in_bulk(wanted)
    for one in shown:
        one.examples = [examples[job] for job in list(one.jobs)[:EXAMPLES] if job in examples]
    with connection.cursor() as cursor:
        cursor.execute(_READ, [MAX_READ])
        oldest, many = cursor.fetchone()
    cut = oldest if many == MAX_READ and oldest > begin else None
    return Failures(shown, len(groups) - len(shown), sum(one.attempts for one in groups), cut)


def failed_jobs(begin: datetime, key: str) -> tuple[Group | None, list[Job]]:
    """Return a group and those of its jobs that are still failed, with their owners, by submission."""
    group = next((one for one in _groups(begin) if one.key == key), None)
    if group is None:
        return None, []
    failed = Job.objects.filter(pk__in=list(group.jobs), outcome__status=Status.FAILED)
    return group, list(failed.select_related("owner__user").defer("payload").order_by("pk"))


def normalised(error: str) -> str:
    """Return the error with texts in quotes, ids and numbers replaced, so that equal mistakes read alike."""
    return " ".join(_VARIABLE.sub(lambda found: _PLACEHOLDERS[str(found.lastgroup)], error).split())


def _groups(begin: datetime) -> Iterable[Group]:
    found: dict[tuple[str, str], Group] = {}
    with connection.cursor() as cursor:
        cursor.execute(_FAILED, {"begin": begin, "most": MAX_READ, "chars": MAX_CHARS})
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    # The newest first, so that the examples are.
    for task, error, many, owners, first, last, jobs in sorted(rows, key=lambda row: row[5], reverse=True):
        words = normalised(error)
        group = found.setdefault((task, words), Group(_key(task, words), task, words))
        group.attempts += many
        group.owners.update(owners)
        group.first = min(group.first or first, first)
        group.last = max(group.last or last, last)
        group.jobs.update(dict.fromkeys(jobs))
    return found.values()


def _key(task: str, error: str) -> str:
    return hashlib.sha256(f"{task}\n{error}".encode()).hexdigest()[:16]
