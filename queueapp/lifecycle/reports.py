"""Stores what jobs report of themselves: stages, notes, and logs of running jobs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection

# Only while the turn is the processor's: a report of a turn that was given to others is dropped. The commit is
# asynchronous, as those of settlements.
_WRITE = """
    INSERT INTO queueapp_jobreport (job_id, attempt, log, stages, note)
    SELECT r.job, r.attempt, r.log, r.stages::jsonb, r.note
      FROM unnest(%s::bigint[], %s::smallint[], %s::text[], %s::text[], %s::text[])
           AS r(job, attempt, log, stages, note)
     WHERE set_config('synchronous_commit', 'off', true) IS NOT NULL
       AND EXISTS (SELECT FROM queueapp_processor WHERE id = %s AND turn = %s)
       AND EXISTS (SELECT FROM queueapp_job WHERE id = r.job)
    ON CONFLICT (job_id) DO UPDATE
       SET attempt = excluded.attempt, log = excluded.log, stages = excluded.stages, note = excluded.note
"""


@dataclass(frozen=True)
class AttemptReport:
    """What one attempt reports. `stages`: JSON text of pairs of a name and seconds. `log`: empty once it has ended."""

    job: int
    attempt: int
    stages: str = "[]"
    note: str = ""
    log: str = ""


def write_reports(processor: int, turn: int, reports: Sequence[AttemptReport]) -> None:
    """Store the reports of jobs of this turn, if it is still the processor's. One statement; none without reports.

    Commits on its own. Locks: the reports' rows.
    """
    if not reports:
        return
    rows = [(one.job, one.attempt, one.log, one.stages, one.note) for one in {one.job: one for one in reports}.values()]
    with connection.cursor() as cursor:
        cursor.execute(_WRITE, [*map(list, zip(*rows, strict=True)), processor, turn])
