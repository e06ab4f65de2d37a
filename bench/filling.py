"""Fill a migrated database fast: users with a flow each, jobs that have ended, and jobs that wait.

The rows are those that the product would have made: `queueapp.snapshots.audit` finds nothing amiss.
"""

from __future__ import annotations

import json
from typing import Any

from django.db import connection

DECLARED = 0.02
"""Seconds that each job declares: the quantum. So every turn is one job, however many wait in a flow."""
NOTHING = "bench.nothing"
"""The default task of the jobs. Nobody runs it here."""
WAITED = 60.0
"""Seconds that each finished job waited."""
PART = 500_000
"""Maximum jobs that one statement makes."""

_EMPTY = """
    TRUNCATE queueapp_job, queueapp_waiting, queueapp_outcome, queueapp_attempt, queueapp_processor, queueapp_flow,
             queueapp_flowstate, queueapp_pendingmove, queueapp_orderstart, queueapp_owner, queueapp_flowtotal,
             queueapp_tasktotal, queueapp_totalscursor, queueapp_rulechange, accounts_user CASCADE"""
_USERS = """
    INSERT INTO accounts_user (username, password, is_superuser, is_staff, is_active, first_name, last_name, email,
                               date_joined)
    SELECT 'user-' || n, '', false, false, true, '', '', '', now() FROM generate_series(1, %(users)s) AS n"""
_OWNERS = "INSERT INTO queueapp_owner (user_id) SELECT id FROM accounts_user ORDER BY id"
_FLOWS = """
    WITH made AS (
        INSERT INTO queueapp_flow (key, rule_id, owner_id)
        SELECT 'owner:' || o.id, r.id, o.id
          FROM queueapp_owner o, queueapp_priorityrule r WHERE r.name = 'Everyone takes turns'
        RETURNING id, rule_id, owner_id
    ), counted AS (
        INSERT INTO queueapp_flowstate (flow_id, weight)
        SELECT made.id, r.weight FROM made JOIN queueapp_priorityrule r ON r.id = made.rule_id
    )
    UPDATE queueapp_owner o SET flow_id = made.id FROM made WHERE made.owner_id = o.id"""
# Users alternate: job n belongs to user n modulo the number of users.
_JOBS = """
    INSERT INTO queueapp_job (owner_id, name, task, payload, duration, submitted_at)
    SELECT %(first_owner)s + n %% %(users)s, %(prefix)s || n, %(task)s, %(payload)s, %(declared)s,
           now() - make_interval(secs => %(over)s * (1 - n / %(many)s::float8) + %(waited)s)
      FROM generate_series(%(from)s::bigint, %(until)s::bigint - 1) AS n ORDER BY n
    RETURNING id, owner_id, submitted_at"""
_WAITING = f"""
    WITH made AS ({_JOBS})
    INSERT INTO queueapp_waiting (owner_id, job_id, flow_id, expected, attempt)
    SELECT m.owner_id, m.id, o.flow_id, %(declared)s, 1 FROM made m JOIN queueapp_owner o ON o.id = m.owner_id
     ORDER BY m.id"""
_ENDED = f"""
    WITH made AS ({_JOBS})
    INSERT INTO queueapp_outcome (job_id, owner_id, flow_id, number, status, attempt, started_at, finished_at,
                                  time_spent, progress, message, error)
    SELECT m.id, m.owner_id, o.flow_id, nextval('queueapp_outcome_number'), 'succeeded', 1, m.started,
           m.started + make_interval(secs => %(declared)s), %(declared)s, 0, '', ''
      FROM (SELECT made.*, submitted_at + make_interval(secs => %(waited)s) AS started FROM made) AS m
      JOIN queueapp_owner o ON o.id = m.owner_id ORDER BY m.id"""
_WAKE = """
    UPDATE queueapp_flowstate t SET backlogged = true, head = first.job
      FROM (SELECT flow_id, min(job_id) AS job FROM queueapp_waiting GROUP BY flow_id) AS first
     WHERE t.flow_id = first.flow_id"""


def fill(
    users: int,
    waiting: int,
    ended: int = 0,
    declared: float = DECLARED,
    task: str = NOTHING,
    payload: dict[str, Any] | None = None,
    over: float = 3600.0,
) -> None:
    """Empty the queue, then make that many users, finished jobs and waiting jobs. The users own jobs alternately.

    The finished jobs ended evenly over the last `over` seconds. The waiting jobs were submitted just now.
    """
    with connection.cursor() as cursor:
        # Tables without statistics look small: the planner would choose a nested loop over 100,000 users and flows.
        cursor.execute("SET enable_nestloop = off")
        cursor.execute(_EMPTY)
        cursor.execute(_USERS, {"users": users})
        cursor.execute(_OWNERS)
        cursor.execute(_FLOWS)
        cursor.execute("SELECT min(id) FROM queueapp_owner")
        common = {"first_owner": cursor.fetchone()[0], "users": users, "declared": declared}
        common |= {"task": task, "payload": json.dumps(payload or {})}
        of_ended = {"prefix": "ended-", "over": over, "waited": WAITED}
        of_waiting = {"prefix": "waits-", "over": 0, "waited": 0}
        for statement, many, kind in ((_ENDED, ended, of_ended), (_WAITING, waiting, of_waiting)):
            for start in range(0, many, PART):
                part = {"many": many, "from": start, "until": min(start + PART, many)}
                cursor.execute(statement, common | kind | part)
        cursor.execute(_WAKE)
        cursor.execute("RESET enable_nestloop")
        # Autovacuum would soon do this after so many new rows, for half a minute. Its ANALYZE is an open transaction,
        # beside which a single flow is slow (docs/performance.md).
        if waiting + ended >= PART:
            cursor.execute("VACUUM ANALYZE queueapp_job, queueapp_waiting, queueapp_outcome, queueapp_flowstate")
            cursor.execute("CHECKPOINT")
