"""The search for an owner's jobs. A page looks at a bounded number of jobs, however many there are."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from django.db import connection

from ..db.routines import versioned
from ..models import Processor
from ..states import FINISHED, Status

MAX_SCANNED, MAX_READ = 100_000, 10_000
"""Jobs that one page looks at, at most; and those of which it reads the error."""
MAX_NARROW = 10_000
"""Jobs that begin with a prefix, or that ended after a completion, up to which only they are looked at."""
MAX_OF_TASK = 1_000
"""The same for the jobs of a task, of all owners."""

_ALL = "SELECT id AS job_id {fields} FROM queueapp_job WHERE owner_id = %(owner)s AND id {beyond}"
_NOT_WELL = "SELECT job_id FROM queueapp_outcome WHERE status = %(status)s AND owner_id = %(owner)s AND job_id {beyond}"
_WAITING = "SELECT job_id FROM queueapp_waiting WHERE owner_id = %(owner)s AND job_id {beyond}"
_GIVEN = "SELECT job_id FROM unnest(%(given)s::bigint[]) AS given(job_id) WHERE job_id {beyond}"
_SCANNED = "SELECT * FROM ({candidates}) AS c ORDER BY job_id {order} LIMIT %(most)s"
_END = "SELECT job_id FROM ({scanned}) AS s ORDER BY job_id {order} OFFSET %(most)s - 1"
# Jobs and outcomes are found by their keys, whatever the statistics say: see queueapp_job_by_id().
_FOUND = """
    SELECT c.job_id FROM ({scanned}) AS c {joined} WHERE {matches}
     ORDER BY c.job_id {order} LIMIT %(size)s
"""
_FIELDS = ", owner_id, name, task, submitted_at"
_JOB_SCANNED = "CROSS JOIN LATERAL (SELECT c.owner_id, c.name, c.task, c.submitted_at) AS j"
_JOB = "CROSS JOIN LATERAL queueapp_job_by_id(c.job_id) AS j"
_OUTCOME = """
      LEFT JOIN LATERAL (
           SELECT status, number, error FROM queueapp_outcome
            WHERE job_id >= c.job_id AND job_id <= c.job_id ORDER BY job_id LIMIT 1
           ) AS o ON true
"""
_MATCHES = {
    "task": "j.task = %(task)s",
    "prefix": "starts_with(j.name, %(prefix)s)",
    "submitted_after": "j.submitted_at >= %(submitted_after)s",
    "submitted_before": "j.submitted_at < %(submitted_before)s",
    "error": "strpos(lower(o.error), lower(%(error)s)) > 0",
    "after": "o.number > %(after)s",
}
_OF_JOB = {"task", "prefix", "submitted_after", "submitted_before"}
_QUEUED = "o.status IS NULL AND c.job_id <> ALL (%(running)s::bigint[])"
# Names are compared byte by byte, as UTF-8: none begins beyond its prefix and the last character that there is.
_WITH_PREFIX = """
    SELECT id FROM queueapp_job WHERE owner_id = %(owner)s AND name >= %(prefix)s AND name < %(prefix)s || chr(1114111)
     ORDER BY name LIMIT %(most)s
"""
# A range, so that only the index on the task has the order.
_OF_TASK = """
    SELECT id FROM queueapp_job WHERE task >= %(task)s AND task <= %(task)s ORDER BY task LIMIT %(most)s
"""
_ENDED_AFTER = """
    SELECT job_id FROM queueapp_outcome WHERE owner_id = %(owner)s AND number > %(after)s {of_status}
     ORDER BY number LIMIT %(most)s
"""


class Found(NamedTuple):
    """Jobs in the order of the search. `end`: the job after which the search goes on; None: it is over."""

    jobs: list[int]
    end: int | None


def search(owner: int, asked: Mapping[str, Any], *, beyond: int | None, descending: bool, size: int) -> Found:
    """Return up to `size` jobs of the owner that match, by submission, beyond the given one.

    `asked`: fields of ListFilter (lifecycle/job_filter.py). Errors are those of failed jobs. At most five queries.
    """
    given = {name: value for name, value in asked.items() if name in _MATCHES}
    status = Status(asked["status"]) if "status" in asked else Status.FAILED if "error" in given else None
    parameters = {**given, "owner": owner, "status": status, "running": _running(), "size": size + 1}
    candidates = _candidates(status, parameters)
    parameters["place"] = beyond if beyond is not None else 2**63 - 1 if descending else 0
    parameters["most"] = MAX_READ if "error" in given else MAX_SCANNED
    words = {"beyond": "< %(place)s" if descending else "> %(place)s", "order": "DESC" if descending else "ASC"}
    of_job = bool(given.keys() & _OF_JOB)
    words["scanned"] = _SCANNED.format(candidates=candidates.format(fields=_FIELDS if of_job else "", **words), **words)
    job = ("" if not of_job else _JOB_SCANNED) if candidates == _ALL else _JOB
    jobs = _ids(versioned(_FOUND.format(**_conditions(given.keys(), status, job), **words)), parameters)
    if len(jobs) > size:
        return Found(jobs[:size], jobs[size - 1])
    end = _ids(_END.format(**words), parameters)
    return Found(jobs, end[0] if end else None)


def _conditions(given: Collection[str], status: Status | None, job: str) -> dict[str, str]:
    """Return the tables to read beside the candidates, and what must hold. `job`: the join of the job, if any."""
    matches = [condition for name, condition in _MATCHES.items() if name in given]
    if status in FINISHED:
        matches.append("o.status = %(status)s")
    elif status == Status.QUEUED:
        matches.append(_QUEUED)
    if job:
        matches.append("j.owner_id = %(owner)s")  # those of a turn, or of a task, may be of others
    outcome = _OUTCOME if status is not None or "after" in given else ""
    return {"joined": f"{job} {outcome}", "matches": " AND ".join(matches) or "true"}


def _candidates(status: Status | None, parameters: dict[str, Any]) -> str:
    """Return the statement of the jobs to look at, the fewest that an index has. Adds its parameters."""
    if status == Status.RUNNING:
        parameters["given"] = parameters["running"]
        return _GIVEN
    if (narrow := _narrow(status, parameters)) is not None:
        parameters["given"] = narrow
        return _GIVEN
    if status == Status.QUEUED:
        parameters["given"] = Processor.objects.not_started()
        return f"{_WAITING} UNION ALL {_GIVEN}"
    return _NOT_WELL if status in (Status.FAILED, Status.CANCELLED) else _ALL


def _narrow(status: Status | None, parameters: dict[str, Any]) -> list[int] | None:
    """Return the jobs that a completion, a prefix or a task leaves, if they are few."""
    ended_after = _ENDED_AFTER.format(of_status="AND status = %(status)s" if status == Status.FAILED else "")
    for name, statement, most in (
        ("after", ended_after, MAX_NARROW),
        ("prefix", _WITH_PREFIX, MAX_NARROW),
        ("task", _OF_TASK, MAX_OF_TASK),
    ):
        if name in parameters and len(jobs := _ids(statement, parameters | {"most": most + 1})) <= most:
            return jobs
    return None


def _running() -> list[int]:
    return list(Processor.objects.working().values_list("job_id", flat=True))


def _ids(statement: str, parameters: Mapping[str, Any]) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return [job for (job,) in cursor.fetchall()]
